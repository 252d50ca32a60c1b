import { hash } from 'node:crypto';
import { domainToASCII } from 'node:url';

/** The domain of a message whose recipient no event names (RFC 2606: no such domain exists). */
export const UNKNOWN_DOMAIN = 'unknown.invalid';
const DOMAIN_MAX = 253;
const ADDRESS_MAX = 1_024;

/** The address of `Name <address>`, else the text itself, without spaces around it. */
export function addressOf(recipient: string): string {
  const text = recipient.slice(0, ADDRESS_MAX);
  const open = text.lastIndexOf('<');
  const close = text.indexOf('>', open);
  return (open >= 0 && close > open ? text.slice(open + 1, close) : text).trim();
}

/** The domain of an address, or a bare domain, in lower case and as A-labels; `unknown.invalid` where there is none. */
export function domainOf(recipient: string | null): string {
  if (recipient === null) return UNKNOWN_DOMAIN;
  const address = addressOf(recipient);
  const domain = address.slice(address.lastIndexOf('@') + 1).replace(/\.$/u, '');
  const ascii = /^[a-z\d.-]+$/iu.test(domain) ? domain.toLowerCase() : domainToASCII(domain);
  return ascii === '' || ascii.length > DOMAIN_MAX ? UNKNOWN_DOMAIN : ascii;
}

/** 12 hex digits that tell the recipients of one message apart without naming them. */
export const recipientDigest = (recipient: string): string =>
  hash('sha256', addressOf(recipient).toLowerCase(), 'hex').slice(0, 12);
