import { expect, test } from 'vitest'
import { html } from '../../../../supervisor/http/page/html.ts'
import { quote } from '../../../../supervisor/http/page/quote.ts'

test('text is escaped, for elements and for attributes', () => {
  expect(html`<a title="${'"a" & \'b\''}">${'<script>'}</a>`.text).toBe(
    '<a title="&quot;a&quot; &amp; &#39;b&#39;">&lt;script&gt;</a>',
  )
})

test('HTML stays HTML, lists are joined, false and null are nothing, numbers are numbers', () => {
  expect(html`${html`<b>`}${[html`<i>`, '<']}${false}${null}${0}`.text).toBe('<b><i>&lt;0')
})

test('everything but letters, digits, _.-~ and / is quoted in an address', () => {
  expect(quote("g:a b*_.-~/'é")).toBe('g%3Aa%20b%2A_.-~/%27%C3%A9')
})

test('half a character does not break an address', () => {
  expect(quote('\ud83d')).toBe('%EF%BF%BD')
})
