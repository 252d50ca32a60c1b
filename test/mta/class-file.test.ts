import { classTablesIn } from '../../src/mta/class-file';
import { causeOf, classify } from '../../src/mta/classify';

describe('classTablesIn', () => {
  it('gives tables that go before those of the package', () => {
    const result = classTablesIn(
      '{"categories":{"Odd-Word":22},"texts":[{"pattern":"user unknown here","class":15}]}',
    );
    if (!('tables' in result)) throw new Error(result.errors.join());
    expect(classify(causeOf({ category: 'ODD-WORD' }), result.tables)).toEqual({
      bounceClass: 22,
      by: 'category',
    });
    expect(classify(causeOf({ text: '550 User unknown here' }), result.tables)).toEqual({
      bounceClass: 15,
      by: 'text',
    });
  });

  it('names every error at once', () => {
    const file = {
      category: {},
      categories: { word: 'ten', other: 10 },
      texts: [{ pattern: '(', class: 10 }, { pattern: '(a+)+', class: -1 }, 5],
    };
    const result = classTablesIn(JSON.stringify(file));
    expect('errors' in result ? result.errors.map((error) => error.split(':')[0]) : []).toEqual([
      ...['category', 'categories.word', 'texts[0].pattern', 'texts[1].pattern', 'texts[1].class'],
      ...['texts[2].pattern', 'texts[2].class'],
    ]);
  });

  it.each(['', '[]', '{', 'null', '{"texts":{}}', '{"categories":[]}'])('refuses %j', (text) => {
    expect(classTablesIn(text)).toHaveProperty('errors');
  });
});
