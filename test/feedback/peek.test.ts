import { systemClock } from '../../src/base/clock';
import { feedbackPeek } from '../../src/feedback/decode';

test('a look at values of a schema that the registry does not have asks it once, not for each of them', async () => {
  let asked = 0;
  const schemaById = async (): Promise<null> => {
    asked += 1;
    return null;
  };
  const registry = { schemaById, idOf: async () => null };
  const peek = feedbackPeek({ registry, clock: systemClock });
  const value = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]);
  for (let i = 0; i < 3; i++) expect(await peek(value)).toBeNull();
  expect(asked).toBe(1);
});
