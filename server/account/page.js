// What the views are made of: messages, one piece of work at a time, a dialog, lists.
import { explain } from './words.js'

export const $ = id => document.getElementById(id)

export function say (text) {
  $('alert').textContent = ''
  $('status').textContent = text
}

export function complain (text) {
  $('status').textContent = ''
  $('alert').textContent = text
  $('alert').scrollIntoView({ block: 'nearest' })
}

let refused = () => false
/** Sets what sees every failure first; where it gives true, nothing more is said. */
export function onFailure (handler) { refused = handler }

/** Runs `work` once at a time for `place`, and says what went wrong. */
export async function attempt (place, work) {
  if (place.ariaBusy === 'true') return
  place.ariaBusy = 'true'
  try {
    await work()
  } catch (error) {
    if (error.name === 'AbortError') return
    if (!refused(error)) complain(explain(error))
  } finally {
    place.ariaBusy = 'false'
  }
}

export function on (id, event, work) {
  const element = $(id)
  element.addEventListener(event, happened => {
    happened.preventDefault()
    say('')
    attempt(element.closest('section') ?? element, () => work(element))
  })
}

/** Asks in a dialog; gives what was typed (or '' without a field), undefined where it was cancelled. */
export function ask ({ title, text = '', yes, danger = false, label, value = '' }) {
  const dialog = $('ask')
  $('ask-title').textContent = title
  $('ask-text').textContent = text
  $('ask-text').hidden = !text
  $('ask-field').hidden = !label
  $('ask-label').textContent = label ?? ''
  $('ask-input').value = value
  $('ask-input').required = Boolean(label)
  $('ask-yes').textContent = yes
  $('ask-yes').classList.toggle('danger', danger)
  $('ask-no').onclick = () => dialog.close('')
  dialog.returnValue = ''
  dialog.showModal()
  if (label) $('ask-input').select()
  return new Promise(resolve => {
    const closed = () => resolve(dialog.returnValue === 'yes' ? $('ask-input').value.trim() : undefined)
    dialog.addEventListener('close', closed, { once: true })
  })
}

export function element (tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** One entry of a list; `lines` are [text, tooltip]. */
export function card ({ title, badge, lines, actions }) {
  const heading = element('h2', {}, title)
  if (badge) heading.append(' ', element('span', { className: 'badge' }, badge))
  const about = element('div', {}, heading, ...lines.map(([text, hint]) => element('p', { title: hint }, text)))
  return element('li', {}, about, element('div', { className: 'actions' }, ...actions))
}

export function action (text, about, work, danger = false) {
  const button = element('button', { type: 'button', className: `quiet${danger ? ' danger' : ''}` }, text)
  button.ariaLabel = `${text}: ${about}`
  button.addEventListener('click', () => { say(''); attempt(button.closest('section'), work) })
  return button
}
