import { bundle } from './bundle';

bundle(2);
