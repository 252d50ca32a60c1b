// The requests of a view.

/** @import { Failure, Page } from './main.js' */

/**
 * Requests something for a view, again and again. What comes after a later request, or after the view is left, is
 * dropped.
 * @template Answer
 * @param {Page} page
 * @param {() => Promise<Answer>} request
 * @param {(answer: Answer) => void} show
 * @param {(failure: Failure, again: () => void) => void} failed
 */
export function loader(page, request, show, failed) {
  let asked = 0;
  let busy = false;
  let askedAt = -Infinity;
  async function ask() {
    const mine = ++asked;
    const isWanted = () => mine === asked && !page.signal.aborted;
    busy = true;
    askedAt = page.now();
    try {
      const answer = await request();
      if (isWanted()) show(answer);
    } catch (error) {
      if (isWanted()) failed(page.failed(error), load);
    }
    if (mine === asked) busy = false;
  }
  const load = () => void ask();
  return {
    load,
    /** Requests it where the last request is over and began some time ago. @param {number} now @param {number} everyMs */
    poll(now, everyMs) {
      if (!busy && now - askedAt >= everyMs) load();
    },
  };
}
