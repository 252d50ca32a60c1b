import { systemClock } from '../../src/base/clock';
import { feedbackPeek } from '../../src/feedback/decode';

test('feedbackPeek requests an unknown schema id once for several values', async () => {
  let requests = 0;
  const schemaById = async (): Promise<null> => {
    requests += 1;
    return null;
  };
  const registry = { schemaById, idOf: async () => null };
  const peek = feedbackPeek({ registry, clock: systemClock });
  const value = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]);
  for (let i = 0; i < 3; i++) expect(await peek(value)).toBeNull();
  expect(requests).toBe(1);
});
