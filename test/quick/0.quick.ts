import { bundle } from './bundle';

bundle(0);
