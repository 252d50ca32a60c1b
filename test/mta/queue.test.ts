import { Queue } from '../../src/mta/queue';

describe('the queue that a log tells of', () => {
  it('holds a bounded number of messages and recipients: those with the oldest lines give way', () => {
    const queue = new Queue(null, 5);
    for (const key of ['a', 'b', 'c']) queue.start(key);
    const latest = queue.find('a') ?? queue.start('a');
    for (const address of ['x@example.net', 'y@example.net', 'z@example.net'])
      queue.recipient(latest, address);
    expect(queue.find('b')).toBeNull();
    expect(queue.find('c')).not.toBeNull();
    expect(queue.find('a')?.recipients.size).toBe(3);
  });

  it('has room again for what is forgotten', () => {
    const queue = new Queue(null, 2);
    queue.recipient(queue.start('a'), 'x@example.net');
    queue.forget('a');
    for (const key of ['b', 'c']) queue.start(key);
    expect([queue.find('b'), queue.find('c')]).not.toContain(null);
  });

  it('keeps eight headers and a thousand recipients of a message', () => {
    const queue = new Queue(null);
    const message = queue.start('a');
    for (let each = 0; each < 1_200; each += 1) {
      queue.addHeader(message, `X-${each}`, 'x');
      queue.recipient(message, `x${each}@example.net`);
    }
    expect([message.headers.size, message.recipients.size]).toEqual([8, 1_000]);
    expect(message.recipients.has('x1199@example.net')).toBe(true);
  });

  it('is saved and opened with all that it holds, in its order', () => {
    const queue = new Queue(null);
    for (const key of ['a', 'b']) {
      const message = queue.start(key);
      queue.addHeader(message, 'X-Delivery-ID', 'DM7');
      Object.assign(message, { messageId: 'm-1', sender: '', acceptedAt: 7 });
      Object.assign(queue.recipient(message, 'x@example.net'), { deferrals: 2, isOpen: true });
    }
    queue.find('a');
    const again = new Queue(queue.saved());
    expect(again.saved()).toEqual(queue.saved());
    expect(again.find('b')).toEqual(queue.find('b'));
  });
});
