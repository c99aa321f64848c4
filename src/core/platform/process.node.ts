/** The process, of which both platforms have a part. */
export { default } from 'node:process';
