// The whole service inside another program, in memory: feedback in, KPIs out. In a clone: `npm run build`, then
//   node examples/embed.mjs
import { createRequire } from 'node:module';

const { embed } = createRequire(import.meta.url)('../dist/index.js'); // elsewhere: 'email-feedback-service'

const efs = await embed({ EFS_PARTITIONS: '4' });
efs.onChange(({ deliveryId, kpis }) => {
  const success = kpis.success === null ? 'not shown yet' : `${(kpis.success * 100).toFixed(0)} %`;
  console.log(`${deliveryId}: ${kpis.sent} of ${kpis.relayed} sent, Success ${success}`);
});

const now = Date.now();
const about = (messageId) => ({
  eventId: `${messageId}/relayed`,
  messageId,
  deliveryId: 'spring-sale',
  occurredAt: now,
  recipientDomain: 'example.com',
});
await efs.report(
  ['m1', 'm2', 'm3', 'm4'].map((id) => ({
    kind: 'Relayed',
    ...about(id),
    policy: 'EFS',
    validityPeriodMs: null,
    deliverySize: 4,
  })),
);
await efs.caughtUp();
await efs.report(
  ['m1', 'm2', 'm3'].map((id) => ({
    kind: 'Delivered',
    ...about(id),
    eventId: `${id}/delivered`,
    occurredAt: now + 1_000,
    relayedAt: now,
    attempt: 1,
  })),
);
await efs.caughtUp();

const { status, why } = await efs.message('spring-sale', 'm1');
console.log(`m1: ${status}. ${why.join(' ')}`);
await efs.stop();
