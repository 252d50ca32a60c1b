export { stopStarted as default } from './setup';
