// From a source file, in TypeScript or JavaScript, to one that Node runs. Lines stay where they are.

import fs from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const TYPESCRIPT = ['.ts', '.mts', '.cts'];
export const LANGUAGES = [...TYPESCRIPT, '.js', '.mjs', '.cjs'];

const COMMENT = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`;
const BLANK = new RegExp(String.raw`(?:\s+|${COMMENT}|;|#![^\n]*|(['"])use strict\1)*`, 'y');
const IMPORT = new RegExp(
  String.raw`import\s*(?:(?<clause>[\w$*{](?:${COMMENT}|[^'"\`;/])*?)\s*from\s*)?` +
    String.raw`(?<quote>['"])(?<name>[^'"\n]+)\k<quote>(?:\s*(?:with|assert)\s*\{[^}]*\})?`,
  'y',
);
const COMMONJS = /\b(module\.exports|exports\.\w+|require\s*\()/;
const GLOBALS = ['require', '__dirname', '__filename'];

/** The file as Node can run it, with its format. */
export function translate(file, suffix, format) {
  const isTypeScript = TYPESCRIPT.includes(suffix);
  let source = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  if (isTypeScript) source = withoutTypes(source, file);
  const imports = [...head(source)];
  const kind = formatOf(source, suffix, format, imports.length > 0);
  if (kind === 'commonjs') return { format: kind, source };
  source = withImports(source, imports, isTypeScript);
  const missing = GLOBALS.filter((name) => uses(source, name) && !declares(source, name));
  // An import at the end moves no line, and is done first all the same.
  if (missing.length > 0) source += `\nimport { ${missing.join(', ')} } from 'checkwire:commonjs';`;
  return { format: kind, source };
}

function withoutTypes(source, file) {
  try {
    return stripTypeScriptTypes(source);
  } catch (error) {
    if (error.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw located(error, file);
  }
  try {
    return stripTypeScriptTypes(source, { mode: 'transform', sourceMap: true, sourceUrl: file });
  } catch (error) {
    throw located(error, file);
  }
}

/** The error with its place, which is only in its text. */
function located(error, file) {
  const line = /:(\d+)\s*$/m.exec(error.stack?.split('\n', 1)[0] ?? '') ?? /\[(\d+):\d+\]/.exec(error.message);
  error.place = { file, line: line === null ? 1 : Number(line[1]) };
  return error;
}

function formatOf(source, suffix, format, imports) {
  if (suffix === '.mts' || suffix === '.mjs') return 'module';
  if (imports) return 'module';
  if (/^\s*export\s/m.test(source) && !/\bmodule\.exports\b/.test(source)) return 'module';
  if (suffix === '.cts' || suffix === '.cjs' || COMMONJS.test(source)) return 'commonjs';
  return format === 'module' || TYPESCRIPT.includes(suffix) ? 'module' : 'commonjs';
}

/** The imports that a file begins with, where code in strings cannot be taken for them. */
function* head(source) {
  let at = 0;
  for (;;) {
    BLANK.lastIndex = at;
    BLANK.test(source);
    IMPORT.lastIndex = Math.max(at, BLANK.lastIndex);
    const match = IMPORT.exec(source);
    if (match === null) return;
    at = IMPORT.lastIndex;
    yield { start: match.index, end: at, text: match[0], ...match.groups };
  }
}

const uses = (source, name) =>
  new RegExp(String.raw`(?<![\w$])${name.replaceAll('$', '\\$')}(?![\w$])`).test(source);
const declares = (source, name) =>
  new RegExp(String.raw`\b(?:const|let|var|function|import)\b[^;=\n]*(?<![\w$])${name}(?![\w$])`).test(source);

/**
 * The source without imports of what is used as a type only, as TypeScript leaves them out; and with
 * the names that are wanted of Checkly told to the stand-in.
 */
function withImports(source, imports, isTypeScript) {
  const first = imports.at(0)?.start ?? 0;
  const rest = source.slice(0, first) + source.slice(imports.at(-1)?.end ?? 0);
  let result = source;
  for (const one of imports.toReversed()) {
    let text = one.text;
    if (one.clause !== undefined) {
      let { fixed, named } = bindings(one.clause);
      if (isTypeScript) {
        fixed = fixed.filter((binding) => uses(rest, local(binding)));
        named = named.filter((binding) => uses(rest, local(binding)));
      }
      const names = named.map((binding) => binding.split(/\s+as\s+/)[0]);
      const specifier = /^checkly(\/|$)/.test(one.name) ? `${one.name}?names=${names}` : one.name;
      const clause = [...fixed, ...(named.length > 0 ? [`{ ${named.join(', ')} }`] : [])].join(', ');
      text = clause === '' ? '' : `import ${clause} from ${JSON.stringify(specifier)}`;
      text += /(?:with|assert)\s*\{[^}]*\}$/.exec(one.text)?.[0] ?? '';
    }
    const lines = one.text.split('\n').length - text.split('\n').length;
    result = result.slice(0, one.start) + text + '\n'.repeat(lines) + result.slice(one.end);
  }
  return result;
}

const local = (binding) => binding.split(/\s+as\s+/).at(-1);

/** What a clause binds: a default or a namespace, and names in braces. */
function bindings(clause) {
  const bare = clause.replace(new RegExp(COMMENT, 'g'), ' ');
  const braces = /\{([^}]*)\}/.exec(bare);
  const split = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);
  return {
    fixed: split(bare.replace(/\{[^}]*\}/, '')),
    named: split(braces?.[1] ?? ''),
  };
}
