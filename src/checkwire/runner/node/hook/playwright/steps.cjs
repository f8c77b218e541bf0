'use strict';

// Tests and their steps, as steps of the attempt; and which of them was under way at a time.

const fs = require('node:fs');
const path = require('node:path');
const { now } = require('../clock.cjs');
const { tell } = require('../stream.cjs');

/** Playwright tells times in whole milliseconds, rounded down. */
const TICK = 1e6;

const all = [];
const sources = new Map();
let zeroMs = 0;
let root = '';
let latest = 0;
let current = null;

/** started: the wall clock at 0 of the timeline, in nanoseconds, as digits; folder: the project. */
function begin(started, folder) {
  zeroMs = Number(BigInt(started) / 1000n) / 1000;
  root = folder;
}

/** The time when something ended that began at that date, and took so many milliseconds. */
function moment(date, durationMs) {
  return Math.min(now(), Math.max(0, Math.round((date.getTime() + durationMs - zeroMs) * 1e6)));
}

/** A step begins; returns its number. parent: the number of the step that it is in, 0 if none. */
function start(name, parent, date, location) {
  const at = ordered((date.getTime() - zeroMs) * 1e6);
  const number = all.length + 1;
  const step = { number, began: at, ended: false, source: current, from: current?.heard, to: Infinity };
  all.push(step);
  const told = { type: 'step_started', at_ns: at, step: step.number, name, parent };
  const place = placeOf(location);
  if (place) told.location = place;
  tell(told);
  return step.number;
}

/** It ended, that long after it began by Playwright's clock; now, if that does not say. */
function finish(number, failed, durationMs = Infinity) {
  const step = all[number - 1];
  if (!step || step.ended) return;
  step.ended = true;
  step.to = current?.heard ?? Infinity;
  const at = ordered(Math.min(step.began + Math.max(0, durationMs) * 1e6 + TICK, now()));
  tell({ type: 'step_finished', at_ns: at, step: number, status: failed ? 'failed' : 'passed' });
}

/** In the order in which they are told, as far as the ticks of Playwright's clock leave that open. */
function ordered(at) {
  const time = Math.max(0, Math.round(at));
  const kept = latest > time && latest - time <= TICK ? latest : time;
  latest = Math.max(latest, kept);
  return kept;
}

/** Whether a test has begun. */
function any() {
  return all.length > 0;
}

/** For a process that tells of steps, each in a message of its own, which are counted. */
function source() {
  return { heard: 0 };
}

/** One more message of that process is read. What is told of steps next is in it. */
function heard(from) {
  from.heard += 1;
  current = from;
}

/** The step that a process was in after so many messages: that which began last; 0 if none. */
function at(from, messages) {
  for (let i = all.length - 1; i >= 0; i -= 1) {
    const step = all[i];
    if (step.source === from && step.from <= messages && messages < step.to) return step.number;
  }
  return 0;
}

/** A place in a file of the project, as failures have it. */
function placeOf(location) {
  if (!location?.file) return null;
  const relative = path.relative(root, location.file);
  if (relative.startsWith('..') || relative.includes('node_modules')) return null;
  const text = (lines(location.file)[location.line - 1] ?? '').trim();
  return { path: relative.split(path.sep).join('/'), line: location.line, text };
}

function lines(file) {
  if (!sources.has(file)) {
    let text = '';
    try {
      text = fs.readFileSync(file, 'utf8');
    } catch {
      // It is gone, or of no file.
    }
    sources.set(file, text.split('\n'));
  }
  return sources.get(file);
}

module.exports = { any, at, begin, finish, heard, lines, moment, placeOf, source, start };
