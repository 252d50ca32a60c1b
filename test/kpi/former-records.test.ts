import { parseSchema } from '../../src/avro/schema';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { readKpi } from '../../src/queries/lookup';
import { readInstallation } from '../generations/installation';
import { expectEqual } from '../support/equal';

// Records as an earlier version wrote them, by the schemas that it registered.

const OWN_ID = 70_007;
const FORMER_ID = 9;
const VALUES = 500;

const { schemas } = readInstallation('c2798a0');

/** The type of a subject as the earlier version registered it. */
function formerType(subject: string) {
  const [, , text] = schemas.find(([, name]) => name === subject) ?? [];
  return parseSchema(text ?? '');
}

function framed(id: number, body: Buffer): Buffer {
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(id, 1);
  return Buffer.concat([frame, body]);
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('a record from before there were complaints', () => {
  it('is of the former type that the service knows', () => {
    const fields = (schema: object) => plain(schema);
    const contribution = formerType('efs.kpi-contributions-value').schema({ exportAttrs: true });
    expect(fields(SCHEMAS.Contribution.former.at(-1)!.schema({ exportAttrs: true }) as object)).toEqual(
      fields(contribution as object),
    );
    const kpi = formerType('efs.delivery-kpi-value').schema({ exportAttrs: true });
    expect(fields(SCHEMAS.KpiChanged.former.at(-1)!.schema({ exportAttrs: true }) as object)).toEqual(
      fields(kpi as object),
    );
  });

  it('is decoded and read with no complaint, where it is a contribution', () => {
    const type = formerType('efs.kpi-contributions-value');
    const wire = wireType<Contribution>(SCHEMAS.Contribution, OWN_ID);
    for (let index = 0; index < VALUES; index += 1) {
      const value = type.random() as object;
      const bytes = framed(FORMER_ID, type.toBuffer(value));
      expectEqual(plain(wire.decode(bytes)), { ...plain(value), complained: 0 });
      expectEqual(plain(wire.read(bytes)), { ...plain(value), complained: 0 });
    }
  });

  it('is decoded and read with no complaint, now and before, where it is a KPI change', () => {
    const type = formerType('efs.delivery-kpi-value');
    const wire = wireType<KpiChanged>(SCHEMAS.KpiChanged, OWN_ID);
    for (let index = 0; index < VALUES; index += 1) {
      const value = plain(type.random() as unknown as KpiChanged);
      const bytes = framed(FORMER_ID, type.toBuffer(value));
      const previous = value.previous === null ? null : { ...value.previous, complained: 0 };
      const expected = { ...value, kpis: { ...value.kpis, complained: 0 }, previous };
      expectEqual(plain(wire.decode(bytes)), expected);
      expectEqual(plain(readKpi(framed(FORMER_ID, type.toBuffer({ ...value, asOf: 1 })))), {
        ...expected,
        asOf: 1,
      });
    }
  });

  it('is told apart from a present one under another id', () => {
    const wire = wireType<KpiChanged>(SCHEMAS.KpiChanged, OWN_ID);
    for (let index = 0; index < VALUES; index += 1) {
      const value = SCHEMAS.KpiChanged.type.random() as unknown as KpiChanged;
      const bytes = framed(FORMER_ID, SCHEMAS.KpiChanged.type.toBuffer(value));
      expectEqual(plain(wire.decode(bytes)), plain(value));
    }
  });
});

it('bytes that are of neither type are read as null, and are refused where they are stored', () => {
  const wire = wireType<Contribution>(SCHEMAS.Contribution, OWN_ID);
  const value = SCHEMAS.Contribution.type.random() as unknown as Contribution;
  const body = SCHEMAS.Contribution.type.toBuffer(value);
  for (const broken of [Buffer.alloc(0), Buffer.concat([body, Buffer.from([0, 0])])]) {
    expect(wire.read(framed(FORMER_ID, broken))).toBeNull();
    expect(() => wire.decode(framed(FORMER_ID, broken))).toThrow('no version has written');
  }
});
