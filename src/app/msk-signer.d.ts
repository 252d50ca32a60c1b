/* A package that is not ours to install: `MskSigner` in aws-msk-iam.ts is what is used of it. */
declare module 'aws-msk-iam-sasl-signer-js';
