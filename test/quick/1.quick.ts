import { bundle } from './bundle';

bundle(1);
