/** Text that is HTML already; only `html` makes it, so nothing gets into a page unescaped. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Strings are escaped, lists are joined, false, null and undefined are nothing. */
export type HtmlValue = Html | string | number | false | null | undefined | readonly HtmlValue[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(value: HtmlValue): string {
  if (value === false || value === null || value === undefined) return ''
  if (value instanceof Html) return value.text
  // fit for text and for quoted attributes
  return typeof value === 'object' ? value.map(render).join('') : String(value).replace(/[&<>"']/g, c => entities[c]!)
}

/** `html`<b>${'a<b'}</b>`` → `<b>a&lt;b</b>` */
export const html = (strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html =>
  new Html(strings.reduce((text, string, index) => text + render(values[index - 1]) + string))
