#!/usr/bin/env node
// The pages at /_account in a real browser (Debian's Chromium without a window, passkeys in an
// authenticator in software), as people use them: with a mouse, with the keyboard alone, on a phone.
// Whatever the pages' policy forbids, and every error in the browser's console, is a failure.
import fs from 'node:fs'
import path from 'node:path'
import { Browser } from './browser.mjs'
import { Checks, Server, admin, eventually, here } from './support.mjs'

const checks = new Checks('account')
const only = process.argv[2] ?? ''
const ini = registration => `[log]\nlevel = warning\n[passkeys]\nregistration = ${registration}\n`
const server = await Server.start({ ini: ini('open') })
const origin = `http://localhost:${server.port}`
const account = `${origin}/_account`
const browser = await Browser.start(checks)

const run = (name, work) => name.includes(only) ? checks.run(name, work) : undefined

// ---------------------------------------------------------------- what a person does

const text = (page, id) => page.textContent(`#${id}`)
const heading = page => page.textContent('main > section:not([hidden]) h1')
const says = (page, part, id = 'status') =>
  page.waitForFunction(([id, part]) => document.getElementById(id).textContent.includes(part), [id, part])
const shows = (page, view) => page.waitForSelector(`section#${view}:not([hidden])`)
/** Lists come a little after their views. */
const lists = (page, list, count) =>
  page.waitForFunction(([id, count]) => document.querySelectorAll(`#${id} li`).length === count, [list, count])

/** Makes an account with a passkey and leaves its recovery codes behind. */
async function createAccount (person, name) {
  const { page } = person
  await page.goto(`${account}#create`)
  await page.fill('#create-name', name)
  await page.click('#create-form button')
  await says(page, `Welcome, ${name}`)
  const codes = await page.locator('#code-list li').allTextContents()
  await page.click('#codes-done')
  await shows(page, 'passkeys')
  return codes
}

async function signOut (person) {
  await person.page.click('#sign-out')
  await says(person.page, 'You are signed out.')
}

async function signInWithPassword (page, name, password, address = account) {
  await page.goto(address)
  await page.fill('#sign-in-name', name)
  await page.fill('#sign-in-password', password)
  await page.click('#password-sign-in')
}

// ---------------------------------------------------------------- an app with a PouchDB at the same address

const pouchdb = fs.readFileSync(path.join(here, 'node_modules/pouchdb/dist/pouchdb.js'))

/** Serves an empty page with PouchDB at /_test/app, as if a proxy did so beside the server. */
async function addApp (context) {
  await context.route(`${origin}/_test/app`, route => route.fulfill({
    contentType: 'text/html', body: '<!doctype html><link rel="icon" href="data:,"><title>App</title><script src="/_test/pouchdb.js"></script>'
  }))
  await context.route(`${origin}/_test/pouchdb.js`, route => route.fulfill({ contentType: 'text/javascript', body: pouchdb }))
}

/** Writes a document into the page's own IndexedDB and syncs it; gives what both have then. */
const syncNotes = page => page.evaluate(async () => {
  const local = new window.PouchDB('notes')
  const remote = new window.PouchDB(`${location.origin}/notes`, {
    skip_setup: true,
    fetch: (url, options) => fetch(url, { ...options, credentials: 'include' })
  })
  await local.post({ from: 'the browser' })
  try {
    const { push, pull } = await local.sync(remote)
    const { rows } = await local.allDocs({ include_docs: true })
    return { written: push.docs_written, read: pull.docs_written, notes: rows.map(({ doc }) => doc.from).sort() }
  } catch (error) {
    return { status: error.status }
  }
})

// ---------------------------------------------------------------- cases

await run('an account with a passkey, signing in without a name, a sync, and a session ended from elsewhere', async () => {
  const anna = await browser.person()
  await addApp(anna.context)
  const codes = await createAccount(anna, 'anna')
  checks.same(codes.length, 10, 'recovery codes')
  checks.same(new Set(codes).size, 10, 'all different')
  checks.same((await anna.passkeys()).length, 1, 'the authenticator has the passkey')
  await lists(anna.page, 'passkey-list', 1)
  checks.same(await text(anna.page, 'user'), 'anna', 'signed in')

  await signOut(anna)
  checks.same(await heading(anna.page), 'Sign in', 'after signing out')
  await anna.page.click('#passkey-sign-in')
  await shows(anna.page, 'passkeys')
  checks.same(await text(anna.page, 'user'), 'anna', 'signed in without a name')

  await server.json('PUT', '/notes')
  await server.json('PUT', '/notes/_security', { members: { names: ['anna'], roles: [] }, admins: {} })
  await server.json('PUT', '/notes/first', { from: 'the server' })
  await anna.page.goto(`${origin}/_test/app`)
  checks.same(await syncNotes(anna.page), { written: 1, read: 1, notes: ['the browser', 'the server'] }, 'the sync')
  checks.same((await server.json('GET', '/notes')).doc_count, 2, 'on the server')
  anna.refusals.length = 0 // PouchDB looks for checkpoints that are not there yet.

  await anna.page.goto(`${account}#sessions`)
  await anna.page.waitForSelector('#session-list li')
  checks.that(/Chrome on Linux.*This one/s.test(await text(anna.page, 'session-list')), 'its own session is listed')

  const elsewhere = await browser.person()
  await elsewhere.page.goto(`${account}#recover`)
  await elsewhere.page.fill('#recover-name', 'anna')
  await elsewhere.page.fill('#recover-code', codes[3])
  await elsewhere.page.click('#recover-form button')
  await says(elsewhere.page, 'You are in.')
  await elsewhere.page.click('nav a[href="#sessions"]')
  await elsewhere.page.waitForSelector('#session-list li:nth-child(2)')
  checks.that(/recovery code/.test(await text(elsewhere.page, 'session-list')), 'the session of the code is listed')
  await elsewhere.page.click('#session-list button')
  await says(elsewhere.page, 'is signed out')
  checks.same(await elsewhere.page.locator('#session-list li').count(), 1, 'one session is left')
  await elsewhere.close('elsewhere')

  await anna.page.click('nav a[href="#passkeys"]')
  await says(anna.page, 'This session has ended', 'alert')
  checks.same(await heading(anna.page), 'Sign in', 'asked to sign in')
  await anna.refused([401], 'the ended session')
  await anna.page.goto(`${origin}/_test/app`)
  checks.same(await syncNotes(anna.page), { status: 401 }, 'no sync without a session')
  anna.refusals.length = 0
  await anna.close()
})

await run('the browser offers the passkey at the field for the name', async () => {
  const person = await browser.person({ suggestions: true })
  await createAccount(person, 'fritz')
  await person.confirm(false)
  await signOut(person)
  await person.confirm(true)
  await person.page.reload()
  await shows(person.page, 'passkeys')
  checks.same(await text(person.page, 'user'), 'fritz', 'signed in without a click')
  await person.close()
})

await run('passkeys are added, renamed and removed; recovery codes work once', async () => {
  const person = await browser.person()
  const { page } = person
  const codes = await createAccount(person, 'bert')
  await signOut(person)

  await page.click('text=Use a recovery code')
  for (const [name, code] of [['bert', 'AAAA-AAAA-AAAA-AAAA'], ['nobody', codes[0]]]) {
    await page.fill('#recover-name', name)
    await page.fill('#recover-code', code)
    await page.click('#recover-form button')
    await says(page, 'do not belong together', 'alert')
    await page.fill('#recover-code', '')
  }
  await person.refused([401, 401], 'wrong codes')
  await page.fill('#recover-name', 'bert')
  await page.fill('#recover-code', codes[0])
  await page.click('#recover-form button')
  await says(page, 'You are in.')

  await person.unplug() // The lost device.
  await person.plugIn()
  await page.click('#passkey-add')
  await says(page, 'was added')
  checks.same(await page.locator('#passkey-list li').count(), 2, 'passkeys')
  await page.click('#passkey-list li:first-child button:text("Rename")')
  await page.fill('#ask-input', 'Lost <b>phone</b>')
  await page.keyboard.press('Enter')
  await says(page, 'Lost <b>phone</b>')
  await page.click('li:has-text("Lost <b>phone</b>") button:text("Remove")')
  await page.click('#ask-no')
  checks.same(await page.locator('#passkey-list li').count(), 2, 'after a second thought')
  await page.click('li:has-text("Lost <b>phone</b>") button:text("Remove")')
  await page.click('#ask-yes')
  await says(page, 'was removed')
  checks.same(await page.locator('#passkey-list li').count(), 1, 'after the removal')

  await page.click('nav a[href="#codes"]')
  await page.click('#codes-make')
  await page.click('#ask-yes')
  await says(page, 'new codes')
  const fresh = await page.locator('#code-list li').allTextContents()
  checks.that(fresh.length === 10 && fresh.every(code => !codes.includes(code)), 'new codes')
  await page.click('nav a[href="#sessions"]')
  await shows(page, 'sessions')
  await page.click('nav a[href="#codes"]')
  await shows(page, 'codes')
  checks.same(await page.locator('#code-list li').count(), 0, 'they are shown once')
  await signOut(person)
  await page.click('text=Use a recovery code')
  await page.fill('#recover-name', 'bert')
  await page.fill('#recover-code', codes[1])
  await page.click('#recover-form button')
  await says(page, 'do not belong together', 'alert')
  await person.refused([401], 'a code of the old set')
  await person.close()
})

await run('a password signs in, and wrong ones say nothing of who there is', async () => {
  const person = await browser.person()
  const { page } = person
  const heard = []
  for (const name of [admin.name, 'nobody']) {
    await signInWithPassword(page, name, 'wrong')
    await page.waitForFunction(() => document.getElementById('alert').textContent)
    heard.push(await text(page, 'alert'))
  }
  checks.same(heard[0], heard[1], 'what is said of someone and of no one')
  await person.refused([401, 401], 'wrong passwords')
  await signInWithPassword(page, admin.name, admin.password)
  await shows(page, 'passkeys')
  checks.that(await page.isVisible('#invite-item'), 'an admin may invite')
  await signOut(person)
  await person.close()
})

await run('a link makes an account of the name and roles it was made for, once', async () => {
  const boss = await browser.person()
  await signInWithPassword(boss.page, admin.name, admin.password)
  await boss.page.click('nav a[href="#invite"]')
  await boss.page.fill('#invite-name', 'carla')
  await boss.page.fill('#invite-roles', 'nurse, night shift')
  await boss.page.click('#invite-form button')
  await says(boss.page, 'The link is ready.')
  const link = await boss.page.inputValue('#invite-link')
  await boss.close('the admin')

  const carla = await browser.person()
  await carla.page.goto(link)
  await says(carla.page, 'carla', 'create-lead')
  checks.that(!/code/i.test(carla.page.url()), `the code leaves the address: ${carla.page.url()}`)
  checks.that(!await carla.page.isVisible('#create-name'), 'the name is given')
  await carla.page.click('#create-form button')
  await says(carla.page, 'Welcome, carla')
  const { userCtx } = await carla.page.evaluate(() => fetch('/_session').then(reply => reply.json()))
  checks.same([userCtx.name, [...userCtx.roles].sort()], ['carla', ['night shift', 'nurse']], 'who she is')
  await carla.close('carla')

  const second = await browser.person()
  await second.page.goto(link)
  await second.page.waitForFunction(() => document.getElementById('alert').textContent)
  checks.that(/link/i.test(await text(second.page, 'alert')), `a used link: ${await text(second.page, 'alert')}`)
  second.refusals.length = 0
  await second.close('a used link')
})

await run('the keyboard is enough, and shows where it is', async () => {
  const person = await browser.person()
  const { page } = person
  await createAccount(person, 'dora')
  await signOut(person)
  await tabTo(page, 'passkey-sign-in')
  await page.keyboard.press('Enter')
  await shows(page, 'passkeys')
  await tabTo(page, 'sign-out')
  await page.keyboard.press('Space')
  await says(page, 'You are signed out.')

  await page.goto(account)
  await shows(page, 'sign-in')
  await tabTo(page, 'sign-in-name')
  await page.keyboard.type(admin.name)
  await page.keyboard.press('Tab')
  await page.keyboard.type(admin.password)
  await page.keyboard.press('Enter')
  await shows(page, 'passkeys')
  await tabTo(page, 'passkey-add')
  await page.keyboard.press('Enter')
  await says(page, 'was added')
  await person.close()
})

// Presses Tab until the element has the focus; each stop on the way must be visible.
async function tabTo (page, id) {
  for (let stops = 0; stops < 25; stops++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const element = document.activeElement
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      return { id: element.id, tag: element.tagName, outline: `${outlineStyle} ${outlineWidth}` }
    })
    if (at.tag === 'BODY') continue
    checks.that(/^solid [2-9]px/.test(at.outline), `the focus on ${at.tag} ${at.id} is visible: ${at.outline}`)
    if (at.id === id) return
  }
  throw new Error(`no way to ${id} by Tab`)
}

await run('every view fits a phone, has names for its fields, and follows the dark scheme', async () => {
  const person = await browser.person({ viewport: { width: 360, height: 640 }, colorScheme: 'dark', hasTouch: true })
  const { page } = person
  for (const view of ['sign-in', 'create', 'recover']) await fits(page, view)
  await signInWithPassword(page, admin.name, admin.password)
  await shows(page, 'passkeys')
  for (const view of ['passkeys', 'sessions', 'codes', 'invite']) await fits(page, view)
  await person.close()
})

async function fits (page, view) {
  await page.goto(`${account}#${view}`)
  await shows(page, view)
  const seen = await page.evaluate(() => {
    const shown = element => element.checkVisibility()
    const fields = [...document.querySelectorAll('input, select')].filter(shown)
    const targets = [...document.querySelectorAll('button, input, select')].filter(shown)
    return {
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      unnamed: fields.filter(field => field.labels.length === 0).map(field => field.id),
      small: targets.filter(target => target.getBoundingClientRect().height < 36).map(target => target.id),
      headings: [...document.querySelectorAll('h1')].filter(shown).length,
      paper: getComputedStyle(document.body).backgroundColor
    }
  })
  const dark = seen.paper.match(/\d+/g).every(part => Number(part) < 64)
  checks.same({ ...seen, paper: dark }, { overflow: 0, unnamed: [], small: [], headings: 1, paper: true }, view)
}

await run('after signing in it goes back to the app, and nowhere else', async () => {
  const person = await browser.person()
  const { page } = person
  await addApp(person.context)
  const arrive = async next => {
    await page.goto(`${account}?next=${encodeURIComponent(next)}`)
    await page.fill('#sign-in-name', admin.name)
    await page.fill('#sign-in-password', admin.password)
    await page.click('#password-sign-in')
    await eventually(async () => page.url().endsWith('/_test/app') || await page.isVisible('#sign-out'), 120, next)
    const arrived = page.url()
    await page.goto('about:blank') // Nothing is under way any more.
    await person.context.clearCookies()
    return arrived
  }
  checks.same(await arrive('/_test/app'), `${origin}/_test/app`, 'an app of this origin')
  await signInWithPassword(page, admin.name, admin.password)
  await shows(page, 'passkeys')
  await page.goto(`${account}?next=/_test/app`)
  await page.click('#back-link')
  await page.waitForURL(`${origin}/_test/app`)
  await person.context.clearCookies()
  for (const next of ['https://example.org/', '//example.org/', '/\\example.org', 'javascript:alert(1)',
    `http://127.0.0.1:${server.port}/`, 'data:text/html,x']) {
    const arrived = await arrive(next)
    checks.that(arrived.startsWith(`${account}?`), `${next} leads to ${arrived}`)
  }
  await person.close()
})

await run('below a path of a proxy everything is found all the same', async () => {
  const person = await browser.person()
  await person.context.route(`${origin}/db/**`, async route => {
    const url = route.request().url().replace('/db/', '/')
    await route.fulfill({ response: await route.fetch({ url }) })
  })
  await signInWithPassword(person.page, admin.name, admin.password, `${origin}/db/_account`)
  await shows(person.page, 'passkeys')
  checks.same(new URL(person.page.url()).pathname, '/db/_account', 'the address')
  await person.page.click('nav a[href="#sessions"]')
  await person.page.waitForSelector('#session-list li')
  await person.close()
})

await run('where accounts are closed or by invitation, it says so', async () => {
  for (const registration of ['closed', 'invite']) {
    await server.json('PUT', '/_node/_local/_config/passkeys/registration', JSON.stringify(registration))
    const person = await browser.person()
    await person.page.goto(`${account}#create`)
    await shows(person.page, 'create')
    checks.that(await person.page.isVisible('#create-code'), `${registration}: a code is asked for`)
    await person.page.fill('#create-code', 'AAAA-AAAA-AAAA-AAAA')
    await person.page.fill('#create-name', 'eve')
    await person.page.click('#create-form button')
    await person.page.waitForFunction(() => document.getElementById('alert').textContent)
    checks.same((await person.passkeys()).length, 0, `${registration}: no passkey was made`)
    person.refusals.length = 0
    await person.close()
  }
})

await browser.stop()
await server.stop()
checks.finish()
