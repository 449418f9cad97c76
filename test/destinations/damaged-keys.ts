/** One PEM in the shapes that files, YAML and environment variables give it. */
export function damaged(pem: string): [shape: string, text: string][] {
  const lines = pem.trim().split('\n');
  const body = lines.slice(1, -1).join('');
  return [
    ['a file with a final newline', `${pem.trim()}\n`],
    ['without a final newline', pem.trim()],
    ['CRLF', lines.join('\r\n')],
    ['one line with \\n as two letters', lines.join('\\n')],
    ['base64 of the PEM', Buffer.from(pem).toString('base64')],
    ['its body alone', body],
    ['newlines turned into spaces', lines.join(' ')],
    ['wrapped in double quotes', `"${lines.join('\\n')}"`],
    ['a leading blank line', `\n${pem}`],
    ['folded by YAML', `${lines.join(' ')}\n`],
  ];
}
