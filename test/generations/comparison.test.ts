import { DeliveryId } from '../../src/base/ids';
import { digestOf, sameMessage, sidesOf } from '../../src/generations/comparison';
import { asStoredNow } from '../../src/store/codec';
import { manifestOf } from '../store/given';

describe('a comparison of generations with the same settings', () => {
  const sides = sidesOf(manifestOf(1), manifestOf(2));
  const id = DeliveryId('d1');
  const field = Buffer.from('m1');
  const former = Buffer.from('195501a201323f80020036ee8001a201a01c80', 'hex');
  const now = asStoredNow(former);

  it('finds a message equal to one that version 0.1 has stored otherwise', () => {
    expect(now.equals(former)).toBe(false);
    expect(sameMessage(sides, former, now)).toBe(true);
    expect(digestOf(sides, 'active', id, field, former)).toBe(digestOf(sides, 'candidate', id, field, now));
  });

  it('finds a message different from one with another time', () => {
    const other = Buffer.from(now);
    other[6]! += 1;
    expect(sameMessage(sides, now, other)).toBe(false);
    expect(digestOf(sides, 'active', id, field, now)).not.toBe(
      digestOf(sides, 'candidate', id, field, other),
    );
  });
});
