import { type Type, types } from 'avsc';
import {
  type Cursor,
  cursorAt,
  isFinished,
  readBlocks,
  readBoolean,
  readDouble,
  readFloat,
  readInt,
  readLong,
  readNested,
  skipBytes,
  stringReader,
  take,
} from './avro';

/** Reads one value at the cursor. The value is meaningless once the cursor is `malformed` or `unresolved`. */
export type Read = (cursor: Cursor) => unknown;

/**
 * Makes a record of its field values, in the order of the reader's fields; undefined stands for the field's default. The
 * array is reused for the next record.
 */
export type RecordMaker = (values: readonly unknown[]) => object;

/**
 * A reader of `writer`'s values as `reader`, by Avro's schema resolution; null where no value resolves. Where only some
 * values do not resolve (a symbol, a branch of a union), reading them sets `unresolved`. Reader schemas of this service
 * have no enumeration defaults, aliases, bytes, fixed or arrays, and do not contain themselves.
 */
export function resolve(writer: Type, reader: Type): Read | null {
  const branches = branchesOf(writer);
  if (branches !== null) return resolveWriterUnion(branches, reader);
  const options = branchesOf(reader);
  if (options !== null) {
    for (const option of options) {
      const read = resolve(writer, option);
      if (read !== null) return read;
    }
    return null;
  }
  if (reader instanceof types.RecordType) {
    if (!(writer instanceof types.RecordType) || !sameName(writer, reader)) return null;
    return resolveRecord(writer, reader, constructed(reader));
  }
  if (reader instanceof types.EnumType) {
    return writer instanceof types.EnumType && sameName(writer, reader) ? resolveEnum(writer, reader) : null;
  }
  if (reader instanceof types.MapType) {
    return writer instanceof types.MapType ? resolveMap(writer, reader) : null;
  }
  if (reader.typeName === 'string') {
    return writer.typeName === 'string' || writer.typeName === 'bytes' ? stringReader() : null;
  }
  return PROMOTIONS[reader.typeName]?.[writer.typeName] ?? null;
}

/** Like `resolve`, for a record that `make` makes. Names are not compared. */
export function resolveRecord(
  writer: types.RecordType,
  reader: types.RecordType,
  make: RecordMaker,
): Read | null {
  const written = new Set(writer.fields.map((field) => field.name));
  const isReadable = reader.fields.every(
    (field) => written.has(field.name) || field.defaultValue() !== undefined,
  );
  if (!isReadable) return null;
  const skip = skipper();
  const steps: { slot: number; read: Read }[] = [];
  for (const field of writer.fields) {
    const slot = reader.fields.findIndex((own) => own.name === field.name);
    const read = slot < 0 ? skip(field.type) : resolve(field.type, reader.fields[slot]!.type);
    if (read === null) return null;
    steps.push({ slot, read });
  }
  return recordReader(steps, reader.fields.length, make);
}

/** Whether bytes from a position on are exactly one value of a type; the work is bounded by their number. */
export function valueCheck(type: Type): (bytes: Buffer, position: number) => boolean {
  const skip = skipper()(type);
  return (bytes, position) => {
    const cursor = cursorAt(bytes, position);
    skip(cursor);
    return isFinished(cursor);
  };
}

/** Makes records as avsc does. */
export function constructed(type: types.RecordType): RecordMaker {
  const construct = type.recordConstructor as new (...values: readonly unknown[]) => object;
  return (values) => new construct(...values);
}

/** Reads the fields in the writer's order. The array of values is made once: a record does not contain itself. */
function recordReader(
  steps: readonly { slot: number; read: Read }[],
  fields: number,
  make: RecordMaker,
): Read {
  const reads = steps.map((step) => step.read);
  const slots = steps.map((step) => step.slot);
  const values: unknown[] = Array.from({ length: fields }, () => undefined);
  return (cursor) => {
    for (let index = 0; index < reads.length; index += 1) {
      const value = reads[index]!(cursor);
      const slot = slots[index]!;
      if (slot >= 0) values[slot] = value;
    }
    return make(values);
  };
}

const unresolved: (skip: Read) => Read = (skip) => (cursor) => {
  skip(cursor);
  cursor.unresolved = true;
  return null;
};

function resolveWriterUnion(branches: readonly Type[], reader: Type): Read | null {
  const skip = skipper();
  const resolved = branches.map((branch) => resolve(branch, reader));
  if (resolved.every((read) => read === null)) return null;
  return union(resolved.map((read, index) => read ?? unresolved(skip(branches[index]!))));
}

function resolveEnum(writer: types.EnumType, reader: types.EnumType): Read {
  const own = new Set(reader.symbols);
  const symbols = writer.symbols.map((symbol) => (own.has(symbol) ? symbol : null));
  return (cursor) => {
    const symbol = symbols[readLong(cursor)];
    if (symbol === undefined) cursor.malformed = true;
    if (symbol === null) cursor.unresolved = true;
    return symbol;
  };
}

/** Makes objects without a prototype: every key is data. */
function resolveMap(writer: types.MapType, reader: types.MapType): Read | null {
  const read = resolve(writer.valuesType as Type, reader.valuesType as Type);
  if (read === null) return null;
  const readKey = stringReader();
  return (cursor) => {
    const map = Object.create(null) as Record<string, unknown>;
    readBlocks(cursor, (at) => {
      const key = readKey(at);
      map[key] = read(at);
    });
    return map;
  };
}

const union =
  (reads: readonly Read[]): Read =>
  (cursor) => {
    const read = reads[readLong(cursor)];
    if (read !== undefined) return read(cursor);
    cursor.malformed = true;
    return null;
  };

const readNull: Read = () => null;

/** By the reader's type, then the writer's. */
const PROMOTIONS: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  null: { null: readNull },
  boolean: { boolean: readBoolean },
  int: { int: readInt },
  long: { int: readInt, long: readLong },
  float: { int: readInt, long: readLong, float: readFloat },
  double: { int: readInt, long: readLong, float: readFloat, double: readDouble },
};

const SKIPS: Readonly<Record<string, Read>> = {
  null: readNull,
  boolean: readBoolean,
  int: readInt,
  long: readLong,
  float: readFloat,
  double: readDouble,
  string: skipBytes,
  bytes: skipBytes,
};

/** Makes readers that skip values of any type. A record's reader is made once: it may contain itself. */
function skipper(): (type: Type) => Read {
  const records = new Map<Type, Read[]>();
  const skip = (type: Type): Read => {
    const branches = branchesOf(type);
    if (branches !== null) return union(branches.map(skip));
    if (type instanceof types.RecordType) return skipRecord(type);
    if (type instanceof types.EnumType) return skipEnum(type.symbols.length);
    if (type instanceof types.FixedType) return (cursor) => take(cursor, type.size);
    if (type instanceof types.ArrayType) return skipItems(skip(type.itemsType));
    if (type instanceof types.MapType) return skipItems(skip(type.valuesType as Type), skipBytes);
    return SKIPS[type.typeName] ?? ((cursor) => (cursor.malformed = true));
  };
  const skipRecord = (type: types.RecordType): Read => {
    const known = records.get(type);
    const fields = known ?? [];
    if (known === undefined) {
      records.set(type, fields);
      for (const field of type.fields) fields.push(skip(field.type));
    }
    const readFields: Read = (cursor) => {
      for (let index = 0; index < fields.length && !cursor.malformed; index += 1) fields[index]!(cursor);
    };
    const weightless = type.fields.filter((field) => takesNoBytes(field.type)).length;
    return (cursor) => readNested(cursor, readFields, 1 + weightless);
  };
  return skip;
}

/** Without a list of the symbols: a schema may use one long enumeration in many fields. */
function skipEnum(symbols: number): Read {
  return (cursor) => {
    const symbol = readLong(cursor);
    if (symbol < 0 || symbol >= symbols) cursor.malformed = true;
  };
}

/** Records without bytes are not included: each counts itself when it is read. */
function takesNoBytes(type: Type): boolean {
  return type instanceof types.FixedType ? type.size === 0 : type.typeName === 'null';
}

function skipItems(item: Read, key?: Read): Read {
  const one = (cursor: Cursor): void => {
    key?.(cursor);
    item(cursor);
  };
  return (cursor) => readBlocks(cursor, one);
}

function branchesOf(type: Type): readonly Type[] | null {
  const isUnion = type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType;
  return isUnion ? type.types : null;
}

/** Namespaces do not count: the same enumeration may be defined in each of two records. */
function sameName(writer: Type, reader: Type): boolean {
  const unqualified = (type: Type): string => (type.name ?? '').replace(/^.*\./, '');
  return unqualified(writer) === unqualified(reader);
}
