/** Whether CI runs the tests: at full size, and nothing is skipped. */
export const IN_CI = process.env['CI'] === 'true';
