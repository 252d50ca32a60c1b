// Light, dark, or the system's theme; stored in this browser.
import { setText } from './dom.js';

const KEY = 'efs-theme';
const THEMES = /** @type {const} */ (['system', 'light', 'dark']);

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Makes the header's button work. Where the colours change, the document gets the event `themechange`. */
export function themeButton() {
  const button = /** @type {HTMLElement} */ (document.getElementById('theme'));
  let theme = THEMES.find((each) => each === stored()) ?? 'system';
  const changed = () => document.dispatchEvent(new Event('themechange'));
  const apply = () => {
    document.documentElement.style.colorScheme = theme === 'system' ? '' : theme;
    setText(button, `Theme: ${theme}`);
    changed();
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // The browser stores nothing: the theme lasts as long as the page.
    }
    apply();
  });
  apply();
}
