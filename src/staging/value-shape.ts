const LONGEST = 20;

/**
 * What a message may say of a value: its length, and its shape where it is not personal. Every digit becomes 9, every
 * letter a, the rest stays: `text of 3 characters like "9.9"`.
 */
export function shapeOf(value: string, personal: boolean): string {
  const characters = [...value];
  const length = `text of ${characters.length} ${characters.length === 1 ? 'character' : 'characters'}`;
  if (personal) return length;
  const shape = characters
    .slice(0, LONGEST)
    .map((character) => (/\p{Nd}/u.test(character) ? '9' : /[\p{L}\p{M}]/u.test(character) ? 'a' : character))
    .join('');
  return `${length} like ${JSON.stringify(characters.length > LONGEST ? `${shape}…` : shape)}`;
}
