import { expect, test } from 'vitest';
import { DataError, GraftError, oneLine, visible } from './errors.js';

test('a message is one line, whatever it quotes', () => {
  expect(new DataError('a.csv: bad\n  row\r\n\tthree').message).toBe('a.csv: bad row three');
  expect(new GraftError('name \u001b[2J\u0000\u202egpj.x').message).toBe(
    'name \\u001b[2J\\u0000\\u202egpj.x',
  );
  expect(new GraftError('größe 漢字 🙂').message).toBe('größe 漢字 🙂');
});

test('a dump of a file is cut, and says how long it was', () => {
  const { message } = new DataError(`f: ${'x\n'.repeat(13_500)}; give it another name`);
  expect(message).toMatch(/^f: (x )+x?… \(27025 characters\) …( ?x)+ ; give it another name$/);
  expect(message.length).toBeLessThan(2050);
  expect(oneLine('x'.repeat(50), 50)).toBe('x'.repeat(50));
  expect(oneLine('x'.repeat(51), 50)).toBe(`${'x'.repeat(50)}… (51 characters)`);
  expect(oneLine('\n'.repeat(1e6), 50).length).toBeLessThan(60);
});

test('a text of several lines keeps its lines and colours, and nothing else that a terminal obeys', () => {
  expect(visible('\u001b[31mred\u001b[39m\n\tname\u001b[2J \u001b]0;title\u0007 \u202egpj\r')).toBe(
    '\u001b[31mred\u001b[39m\n\tname\\u001b[2J \\u001b]0;title\\u0007 \\u202egpj\\u000d',
  );
});
