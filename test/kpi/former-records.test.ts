import type { Type } from 'avsc';
import { parseSchema } from '../../src/avro/schema';
import { type RecordSchema, SCHEMAS } from '../../src/feedback/schemas';
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

/** What encodes values: a schema without its texts. */
const encoding = (type: Type): unknown =>
  JSON.parse(JSON.stringify(type.schema({ exportAttrs: true })), (name, part: unknown) =>
    name === 'doc' ? undefined : part,
  );

/** What has been added to contributions since, with its default. */
const SINCE = { complained: 0, retiredFrom: null };

describe('a record from before there were complaints', () => {
  it('is of the former type that the service knows', () => {
    const oldest = ({ former }: RecordSchema) => encoding(former.at(-1)!);
    expect(oldest(SCHEMAS.Contribution)).toEqual(encoding(formerType('efs.kpi-contributions-value')));
    expect(oldest(SCHEMAS.KpiChanged)).toEqual(encoding(formerType('efs.delivery-kpi-value')));
  });

  it('is decoded and read with no complaint, where it is a contribution', () => {
    const type = formerType('efs.kpi-contributions-value');
    const wire = wireType<Contribution>(SCHEMAS.Contribution, OWN_ID);
    for (let index = 0; index < VALUES; index += 1) {
      const value = type.random() as object;
      const bytes = framed(FORMER_ID, type.toBuffer(value));
      expectEqual(plain(wire.decode(bytes)), { ...plain(value), ...SINCE });
      expectEqual(plain(wire.read(bytes)), { ...plain(value), ...SINCE });
    }
  });

  it('is decoded and read as not retired, where it is a contribution from before deliveries were retired by offsets', () => {
    const [type] = SCHEMAS.Contribution.former;
    const wire = wireType<Contribution>(SCHEMAS.Contribution, OWN_ID);
    for (let index = 0; index < VALUES; index += 1) {
      const value = type!.random() as object;
      const bytes = framed(FORMER_ID, type!.toBuffer(value));
      expectEqual(plain(wire.decode(bytes)), { ...plain(value), retiredFrom: null });
      expectEqual(plain(wire.read(bytes)), { ...plain(value), retiredFrom: null });
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
