import { describe, expect, test } from 'vitest';
import { AROUND, frame, load, refusal } from './frame.ts';

const HOOK = 'https://hooks.slack.com/services/T000/B000/hush-hush-hush';
const withNotifications = (list: string) => `${frame()}notifications:\n${list}`;

/** As a test can compare them. */
function told(files: Parameters<typeof load>[0], env = {}) {
  return load(files, env).notifications.map(({ url, headers, on, ...rest }) => ({
    ...rest,
    url: url.reveal(),
    on: [...on],
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, value.reveal()])),
  }));
}

describe('notifications', () => {
  test('are told of what a person must see, and of loads where that is asked for', () => {
    const list =
      '  - { type: slack, url: "${HOOK}" }\n' +
      '  - { type: webhook, url: "http://127.0.0.1:1/hook", on: [loaded], headers: { Authorization: "Bearer ${T}" } }\n';
    expect(told(withNotifications(list), { HOOK, T: 'token' })).toEqual([
      {
        type: 'slack',
        name: 'notifications[0] (slack)',
        url: HOOK,
        on: ['failure', 'held', 'stale', 'recovered'],
        headers: {},
      },
      {
        type: 'webhook',
        name: 'notifications[1] (webhook)',
        url: 'http://127.0.0.1:1/hook',
        on: ['loaded'],
        headers: { Authorization: 'Bearer token' },
      },
    ]);
  });

  test('of several files are one list', () => {
    const files = {
      'a.yaml': withNotifications('  - { type: slack, url: "http://a.invalid" }\n'),
      'b.yaml': 'notifications:\n  - { type: slack, url: "http://b.invalid" }\n',
      'c.yaml': 'notifications:\n',
    };
    expect(told(files).map(({ url }) => url)).toEqual(['http://a.invalid', 'http://b.invalid']);
  });

  test('need their variables in the daemon, and in no command', () => {
    const config = load(withNotifications('  - { type: slack, url: "${HOOK}" }\n'));
    expect(() => config.need(config.jobs)).not.toThrow();
    expect(() => config.need(config.jobs, 'notifications')).toThrow('variable HOOK is not set');
  });

  test('are refused where they make no sense, each at its place', () => {
    const list =
      '  - { type: email, url: "http://a.invalid" }\n' +
      '  - { type: slack, url: "http://a.invalid", on: [failures] }\n' +
      '  - { type: webhook, url: "http://a.invalid", on: [] }\n' +
      '  - { type: webhook, url: "http://a.invalid", headers: { "X Y": z } }\n' +
      '  - { type: slack, webhook_url: "http://a.invalid" }\n' +
      '  - { url: "http://a.invalid" }\n';
    expect(refusal(withNotifications(list)).lines).toEqual([
      'e.yaml:14:13: type: slack or webhook expected, "email" was read',
      'e.yaml:15:50: on: failure, held, stale, recovered or loaded expected, "failures" was read: did you mean failure?',
      'e.yaml:16:51: on: one entry or more expected, a list was read',
      'e.yaml:17:56: headers: names of headers that HTTP does not set itself expected, a map was read',
      'e.yaml:18:5: notifications: url is missing',
      'e.yaml:18:20: unknown key webhook_url: did you mean url?',
      'e.yaml:19:5: notifications: type is missing: slack or webhook',
    ]);
    expect(refusal(`${AROUND}notifications: { type: slack }\n`).lines).toEqual([
      'e.yaml:6:16: notifications: a list expected, a map was read: begin each with - type: …',
    ]);
  });

  test('give neither their URL nor their headers away', () => {
    const list =
      `  - { type: slack, url: "${HOOK}", foo: 1 }\n` +
      '  - { type: webhook, url: "ftp://hush-hush.invalid", headers: { Authorization: "hush-hush " } }\n' +
      '  - { type: webhook, url: "https://me:hush-hush@a.invalid" }\n';
    const { text, lines } = refusal(withNotifications(list));
    expect(lines).toHaveLength(4);
    expect(text).not.toContain('hush');
    expect(refusal(`notifications:\n  - { type: slack, url: "${HOOK}"\n`).text).not.toContain('hush');
    const taken = load(withNotifications(`  - { type: slack, url: "${HOOK}" }\n`));
    expect(taken.secrets().map((secret) => secret.reveal())).toContain(HOOK);
    expect(JSON.stringify(taken.notifications)).not.toContain('hush');
  });
});
