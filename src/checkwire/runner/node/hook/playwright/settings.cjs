'use strict';

// What Playwright is told to do: what the user's own configuration says of requests and of time, and
// nothing of what a monitor has in another way, or not at all.

const fs = require('node:fs');
const path = require('node:path');

/** What a browser is told to start from, so that none is started; failures show it. */
const NO_BROWSER = '/checkwire-runs-no-browser';

/** The configuration. own: the user's, if there is one; job: see main.cjs. */
function settingsOf(own, job) {
  const folder = job.config ? path.dirname(job.config) : path.dirname(job.script);
  const project = projectOf(own, folder, job.script);
  const chosen = { ...own, ...project };
  const absolute = (file) => (typeof file === 'string' ? path.resolve(folder, file) : file);
  const settings = {
    testDir: path.dirname(job.script),
    testMatch: new RegExp(`^${job.script.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`),
    globalSetup: located(own.globalSetup, folder),
    globalTeardown: located(own.globalTeardown, folder),
    tsconfig: absolute(own.tsconfig),
    timeout: chosen.timeout,
    expect: { ...own.expect, ...project.expect },
    use: {
      ...own.use,
      ...project.use,
      trace: 'off',
      video: 'off',
      screenshot: 'off',
      channel: undefined,
      connectOptions: undefined,
      launchOptions: { executablePath: NO_BROWSER },
    },
    reporter: [[job.reporter]],
    outputDir: job.output,
    preserveOutput: 'never',
    updateSnapshots: 'none',
    workers: 1,
    retries: 0,
    fullyParallel: false,
    forbidOnly: true,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) delete settings[name];
  }
  return settings;
}

/** The first project of the user's that the file belongs to. */
function projectOf(own, folder, script) {
  const projects = Array.isArray(own.projects) ? own.projects : [];
  return projects.find((project) => {
    const tests = path.resolve(folder, project.testDir ?? own.testDir ?? '.');
    if (!script.startsWith(tests + path.sep)) return false;
    const wanted = [project.testMatch ?? own.testMatch ?? []].flat();
    return wanted.length === 0 || wanted.some((one) => matches(one, script));
  }) ?? {};
}

function matches(pattern, file) {
  if (pattern instanceof RegExp) return pattern.test(file);
  return globOf(String(pattern)).test(file);
}

/** As Playwright has it: a pattern without a folder holds anywhere. */
function globOf(pattern) {
  const whole = path.isAbsolute(pattern) || pattern.startsWith('**/') ? pattern : `**/${pattern}`;
  let text = '';
  for (let i = 0; i < whole.length; i += 1) {
    const one = whole[i];
    if (whole.startsWith('**/', i)) {
      text += '(?:.*/)?';
      i += 2;
    } else if (one === '*') {
      text += whole[i + 1] === '*' ? '.*' : '[^/]*';
      if (whole[i + 1] === '*') i += 1;
    } else if (one === '?') {
      text += whole[i + 1] === '(' ? '' : '[^/]';
    } else if (one === '@' && whole[i + 1] === '(') {
      continue;
    } else if (one === '{' || one === '(') {
      text += '(?:';
    } else if (one === '}') {
      text += ')';
    } else if (one === ',') {
      text += '|';
    } else {
      text += /[\\^$.+[\]]/.test(one) ? `\\${one}` : one;
    }
  }
  return new RegExp(`^${text}$`);
}

/** Whether Node takes the file for an ES module. */
function isModule(file) {
  if (/\.m[jt]s$/.test(file)) return true;
  if (/\.c[jt]s$/.test(file)) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type === 'module';
    } catch {
      if (folder === path.dirname(folder)) return false;
    }
  }
}

/** A file, or several, or the name of a package. */
function located(files, folder) {
  if (Array.isArray(files)) return files.map((file) => located(file, folder));
  if (typeof files !== 'string') return files;
  const file = path.resolve(folder, files);
  return /^\.{0,2}\//.test(files) || fs.existsSync(file) ? file : files;
}

module.exports = { NO_BROWSER, isModule, settingsOf };
