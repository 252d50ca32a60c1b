/** One campaign send. 1–128 UTF-16 code units, no control characters, no `/` (docs/records.md, "Dead letters"). */
export type DeliveryId = string & { readonly __id: 'delivery' };
/** One e-mail to one recipient, unique within its delivery. 1–128 UTF-16 code units, no control characters. */
export type MessageId = string & { readonly __id: 'message' };

export const DeliveryId = (text: string): DeliveryId => text as DeliveryId;
export const MessageId = (text: string): MessageId => text as MessageId;
