// The view that asks for the token.

/** @import { View } from './main.js' */
import { ApiError, login } from './api.js';
import { h, setChildren } from './dom.js';
import { form, note } from './elements.js';

/**
 * @param {() => void} loggedIn
 * @returns {View}
 */
export function loginView(loggedIn) {
  const answer = h('div', {});
  const token = h('input', {
    type: 'password',
    id: 'token',
    name: 'token',
    autocomplete: 'current-password',
    required: true,
  });
  const submit = async () => {
    try {
      await login(token.value);
      loggedIn();
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      const message = refused ? 'This is not the token.' : 'The service does not answer.';
      const remedy = refused ? 'It is in the file that EFS_HTTP_TOKEN_FILE names.' : null;
      setChildren(answer, note.error({ message, remedy }));
      token.select();
    }
  };
  const element = form(
    'panel login',
    () => void submit(),
    h('h1', {}, 'Log in'),
    h('label', { for: 'token' }, 'Token of this service'),
    token,
    h('button', { type: 'submit', class: 'button primary' }, 'Log in'),
    answer,
  );
  return { element, title: 'Log in' };
}
