import { PassThrough } from 'node:stream';
import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import { EfsError } from '../../src/base/errors';
import { openLog } from '../../src/base/log';
import type * as Tracing from '../../src/tracing/span';
import { flushSpans, inSpan, spanIds } from '../../src/tracing/span';
import { type ExportedSpan, registerTracing } from './exported';

describe('a step without an SDK', () => {
  it('is run alone: its promise is passed on, and nothing is asked about its result', async () => {
    const running = Promise.resolve(1);
    const after = jest.fn(() => ({}));
    expect(inSpan('efs.load', {}, () => running, after)).toBe(running);
    await running;
    expect(after).not.toHaveBeenCalled();
    expect(spanIds()).toEqual({});
  });

  it('is run as well where the API is not installed', async () => {
    jest.doMock('@opentelemetry/api', () => {
      throw new Error('Cannot find module');
    });
    let without: typeof Tracing | undefined;
    jest.isolateModules(() => (without = jest.requireActual<typeof Tracing>('../../src/tracing/span')));
    jest.dontMock('@opentelemetry/api');
    const running = Promise.resolve(1);
    expect(without?.inSpan('efs.load', {}, () => running)).toBe(running);
    expect(without?.spanIds()).toEqual({});
    await without?.flushSpans();
  });
});

describe('a step with an SDK', () => {
  let sdk: ReturnType<typeof registerTracing>;
  beforeAll(() => void (sdk = registerTracing()));
  afterEach(() => sdk.reset());
  afterAll(() => trace.disable());
  const only = (): ExportedSpan | undefined => (sdk.spans().length === 1 ? sdk.spans()[0] : undefined);

  it('is a span that ends with it and states its result', async () => {
    let done = (_: number): void => undefined;
    const running = new Promise<number>((resolve) => (done = resolve));
    const stepped = inSpan(
      'efs.commit',
      { 'efs.partition': 3 },
      () => running,
      (writes) => ({ 'efs.writes': writes }),
    );
    await Promise.resolve();
    expect(sdk.spans()).toEqual([]);
    done(7);
    expect(await stepped).toBe(7);
    expect(only()).toMatchObject({
      name: 'efs.commit',
      attributes: { 'efs.partition': 3, 'efs.writes': 7 },
    });
  });

  it.each([
    ['redis-unavailable', new EfsError('redis-unavailable', 'refused for ann@example.net')],
    ['ECONNREFUSED', Object.assign(new Error('ann@example.net'), { code: 'ECONNREFUSED' })],
    ['TypeError', new TypeError('no property of ann@example.net')],
  ])('that fails is an error of type %s, without the message of the failure', async (type, error) => {
    await expect(inSpan('efs.load', {}, () => Promise.reject(error))).rejects.toBe(error);
    expect(only()).toMatchObject({ attributes: { 'error.type': type } });
    expect(only()?.text).toContain('"code":2');
    expect(only()?.text).not.toContain('ann');
  });

  it('that is a batch begins a trace, whatever span its task was started in', async () => {
    await inSpan('efs.ingest', {}, () => inSpan('efs.batch', {}, () => Promise.resolve()));
    const [batch, around] = sdk.spans();
    expect([batch?.name, batch?.parent]).toEqual(['efs.batch', undefined]);
    expect(batch?.trace).not.toBe(around?.trace);
  });

  it('is the parent of the steps within it, and its ids are in the log lines', async () => {
    const stream = new PassThrough();
    const log = openLog({ level: 'info', format: 'json', spanIds }, stream);
    await inSpan('efs.batch', {}, async () => {
      await Promise.resolve();
      log.info('within');
      await inSpan('efs.load', {}, () => Promise.resolve());
    });
    log.info('outside');
    const [inner, outer] = sdk.spans();
    expect([inner?.name, outer?.name, inner?.parent, outer?.parent]).toEqual([
      ...['efs.load', 'efs.batch', outer?.id, undefined],
    ]);
    const lines = String(stream.read())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines[0]).toMatchObject({ msg: 'within', trace_id: outer?.trace, span_id: outer?.id });
    expect(lines[1]).not.toHaveProperty('trace_id');
  });
});

describe('before the process ends', () => {
  const forceFlush = jest.fn<Promise<void>, []>();
  beforeAll(() => {
    const provider = new ProxyTracerProvider();
    provider.setDelegate(Object.assign(new ProxyTracerProvider(), { forceFlush }));
    jest.spyOn(trace, 'getTracerProvider').mockReturnValue(provider);
  });
  afterEach(() => jest.useRealTimers());
  afterAll(() => jest.restoreAllMocks());

  it('spans are exported', async () => {
    let exported = false;
    forceFlush.mockImplementation(async () => {
      await Promise.resolve();
      exported = true;
    });
    await flushSpans();
    expect(exported).toBe(true);
  });

  it('a failing export is passed over, and one that hangs is waited for 2 s', async () => {
    forceFlush.mockRejectedValueOnce(new Error('no collector'));
    await flushSpans();
    jest.useFakeTimers();
    forceFlush.mockReturnValueOnce(new Promise(() => undefined));
    let isOver = false;
    const flushed = flushSpans().then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(1_900);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(100);
    await flushed;
  });
});
