import { bundle } from './bundle';

bundle(6);
