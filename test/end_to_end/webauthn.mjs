#!/usr/bin/env node
// Accounts without passwords, as apps and libraries make them: the same ceremonies are judged by us and by
// @simplewebauthn/server, which MAIA uses. The authenticator is software; everything else is real.
import http from 'node:http'
import {
  generateAuthenticationOptions, generateRegistrationOptions, verifyAuthenticationResponse,
  verifyRegistrationResponse
} from '@simplewebauthn/server'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { algorithmNames, SoftwareAuthenticator } from './software_authenticator.mjs'
import { Checks, Server } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('webauthn')
const server = await Server.start({ ini: '[passkeys]\nregistration = open\nrp_name = The Clinic\n' })
const origin = `http://localhost:${server.port}`
const rpID = 'localhost'

/** Keeps cookies, and is signed in by nothing else. */
class Browser {
  cookies = new Map()

  get cookie () { return Array.from(this.cookies, pair => pair.join('=')).join('; ') }

  send (method, path, body) {
    const data = body === undefined ? undefined : JSON.stringify(body)
    const headers = { host: `localhost:${server.port}`, ...(data ? { 'content-type': 'application/json' } : {}) }
    if (this.cookies.size > 0) Object.assign(headers, { cookie: this.cookie, origin, 'sec-fetch-site': 'same-origin' })
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: server.port, method, path, headers }, async reply => {
        for (const cookie of reply.headers['set-cookie'] ?? []) {
          const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
          this.cookies.set(name, value)
        }
        let text = ''
        for await (const chunk of reply) text += chunk
        resolve({ status: reply.statusCode, json: JSON.parse(text) })
      })
      request.on('error', reject)
      request.end(data)
    })
  }

  post (path, body = {}) { return this.send('POST', path, body) }

  async registrationOptions (body) { return (await this.post('/_passkey/register/options', body)).json }
  async signInOptions (body) { return (await this.post('/_passkey/signin/options', body)).json }

  async register (authenticator, body) {
    const options = await this.registrationOptions(body)
    return await this.post('/_passkey/register/verify', { response: authenticator.create(options) })
  }

  async signIn (authenticator, body) {
    const options = await this.signInOptions(body)
    return await this.post('/_passkey/signin/verify', { response: authenticator.get(options) })
  }

  async user () { return (await this.send('GET', '/_session')).json.userCtx.name }
}

async function theirRegistration (response, expectedChallenge) {
  return await verifyRegistrationResponse({
    response, expectedChallenge, expectedOrigin: origin, expectedRPID: rpID, requireUserVerification: true
  })
}

async function theirSignIn (response, expectedChallenge, credential) {
  return await verifyAuthenticationResponse({
    response, expectedChallenge, expectedOrigin: origin, expectedRPID: rpID, credential, requireUserVerification: true
  })
}

/** Whether the library accepts; it throws for most of what it refuses. */
const accepted = promise => promise.then(({ verified }) => verified, () => false)

/** The names and kinds of everything in a value, arrays by their first item. */
function shape (value) {
  if (Array.isArray(value)) return value.length > 0 ? [shape(value[0])] : []
  if (value === null || typeof value !== 'object') return typeof value
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, shape(value[key])]))
}

for (const algorithm of algorithmNames) {
  await checks.run(`${algorithm}: both accept the same registration and the same sign-in`, async () => {
    const name = `user-${algorithm.toLowerCase()}`
    const browser = new Browser()
    const authenticator = new SoftwareAuthenticator(algorithm, origin)
    authenticator.counter = 1
    const options = await browser.registrationOptions({ name })
    const response = authenticator.create(options)
    const theirs = await theirRegistration(response, options.challenge)
    checks.that(theirs.verified, 'theirs accepts the registration')
    const made = await browser.post('/_passkey/register/verify', { response, label: 'Phone' })
    checks.same([made.status, made.json.name, made.json.passkey.id], [201, name, theirs.registrationInfo.credential.id],
      'ours accepts it, with the same id')
    checks.same(await browser.user(), name, 'and signs in')

    for (const [named, body] of [['a name', { name }], ['no name', {}]]) {
      authenticator.counter++
      const fresh = new Browser()
      const request = await fresh.signInOptions(body)
      const assertion = authenticator.get(request)
      const verified = await theirSignIn(assertion, request.challenge, theirs.registrationInfo.credential)
      checks.that(verified.verified, `theirs accepts the sign-in with ${named}`)
      const ours = await fresh.post('/_passkey/signin/verify', { response: assertion })
      checks.same([ours.status, ours.json], [200, { ok: true, name, roles: [] }], `ours accepts it with ${named}`)
      checks.same(await fresh.user(), name, 'and signs in')
    }
  })
}

await checks.run('options made by the library for our challenge are answered as ours are', async () => {
  const browser = new Browser()
  const authenticator = new SoftwareAuthenticator('ES256', origin)
  const ours = await browser.registrationOptions({ name: 'their-options', display_name: 'Their Options' })
  const theirs = await generateRegistrationOptions({
    rpName: 'The Clinic', rpID, userName: 'their-options', userDisplayName: 'Their Options',
    challenge: Buffer.from(ours.challenge, 'base64url'), userID: Buffer.from(ours.user.id, 'base64url'),
    timeout: 300000, authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' }
  })
  const { hints, pubKeyCredParams, ...rest } = theirs
  const { pubKeyCredParams: taken, ...same } = ours
  checks.same(sorted(same), sorted(rest), 'the same registration options')
  checks.that(pubKeyCredParams.every(({ alg }) => taken.some(one => one.alg === alg)), 'every algorithm of theirs is taken')
  const made = await browser.post('/_passkey/register/verify', { response: authenticator.create(theirs) })
  checks.same(made.status, 201, 'the answer to theirs is accepted')

  const fresh = new Browser()
  const request = await fresh.signInOptions({ name: 'their-options' })
  const generated = await generateAuthenticationOptions({
    rpID, challenge: Buffer.from(request.challenge, 'base64url'), timeout: 300000, userVerification: 'required',
    allowCredentials: [{ id: made.json.passkey.id, transports: ['internal', 'hybrid'] }]
  })
  checks.same(sorted(request), sorted(generated), 'the same sign-in options')
  const signedIn = await fresh.post('/_passkey/signin/verify', { response: authenticator.get(generated) })
  checks.same(signedIn.status, 200, 'the answer to theirs signs in')
})

function sorted (value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]))
}

await checks.run('what is wrong is refused by both', async () => {
  const name = 'wrong-things'
  const browser = new Browser()
  const authenticator = new SoftwareAuthenticator('ES256', origin)
  authenticator.counter = 5
  const options = await browser.registrationOptions({ name })
  const response = authenticator.create(options)
  const { registrationInfo } = await theirRegistration(response, options.challenge)
  checks.same((await browser.post('/_passkey/register/verify', { response })).status, 201, 'registered')

  const wrongs = [
    ['another origin', { origin: 'http://localhost:1' }],
    ['another site', { rpId: 'example.org' }],
    ['nobody present', { present: false }],
    ['nobody verified', { verified: false }],
    ['a forged signature', { forge: true }, 'sign-in only'],
    ['a counter that stays', { counter: 5 }, 'sign-in only'],
    ['a counter that goes back', { counter: 4 }, 'sign-in only']
  ]
  for (const [what, members, only] of wrongs) {
    const wrong = Object.assign(Object.create(authenticator), { counter: 6 }, members)
    const fresh = new Browser()
    const request = await fresh.signInOptions({ name })
    const assertion = wrong.get(request)
    checks.same(await accepted(theirSignIn(assertion, request.challenge, registrationInfo.credential)), false,
      `theirs refuses a sign-in with ${what}`)
    const ours = await fresh.post('/_passkey/signin/verify', { response: assertion })
    checks.that([400, 401, 403].includes(ours.status), `ours refuses a sign-in with ${what}: ${ours.status}`)
    checks.same(await fresh.user(), null, 'nobody is signed in')
    if (only) continue
    const creation = await fresh.registrationOptions({ name: 'never-made' })
    const registration = Object.assign(new SoftwareAuthenticator('ES256', origin), members).create(creation)
    checks.same(await accepted(theirRegistration(registration, creation.challenge)), false,
      `theirs refuses a registration with ${what}`)
    const made = await fresh.post('/_passkey/register/verify', { response: registration })
    checks.same(made.status, 400, `ours refuses a registration with ${what}`)
  }
  authenticator.counter = 6
  checks.same((await new Browser().signIn(authenticator, { name })).status, 200, 'and the right one still signs in')
})

await checks.run('several passkeys a user, each told apart, none registered twice', async () => {
  const browser = new Browser()
  const [first, second] = ['EdDSA', 'RS256'].map(algorithm => new SoftwareAuthenticator(algorithm, origin))
  checks.same((await browser.register(first, { name: 'several' })).status, 201, 'the first')
  checks.same((await browser.register(second)).status, 201, 'the second')
  const options = await browser.registrationOptions()
  checks.same(options.excludeCredentials.map(({ id }) => id).sort(), [first, second].map(({ id }) => id.toString('base64url')).sort(),
    'a third is told of both')
  checks.same((await browser.register(first)).status, 403, 'the first again')
  const { passkeys } = (await browser.send('GET', '/_passkey')).json
  checks.same(passkeys.map(shape), Array(2).fill(shape({
    id: '', label: '', created: 0, last_used: null, backed_up: true, transports: ['']
  })), 'what is told of each')
  checks.same((await browser.send('DELETE', `/_passkey/${first.id.toString('base64url')}`)).status, 200, 'one removed')
  checks.same((await new Browser().signIn(first, { name: 'several' })).status, 401, 'signs in no more')
  checks.same((await new Browser().signIn(second, { name: 'several' })).status, 200, 'the other does')
})

await checks.run('credentials are in no database, and none is made by writing a document', async () => {
  const browser = new Browser()
  const authenticator = new SoftwareAuthenticator('ES256', origin)
  await browser.register(authenticator, { name: 'hidden' })
  const id = authenticator.id.toString('base64url')
  for (const name of await server.json('GET', '/_all_dbs')) {
    for (const list of ['_all_docs?include_docs=true', '_local_docs?include_docs=true', '_changes?include_docs=true']) {
      checks.that(!JSON.stringify(await server.json('GET', `/${name}/${list}`)).includes(id), `nothing in ${name}/${list}`)
    }
  }
  const address = '/_users/org.couchdb.user:hidden'
  const document = await server.json('GET', address)
  const other = new SoftwareAuthenticator('ES256', origin)
  const { passkeys } = (await browser.send('GET', '/_passkey')).json
  await server.json('PUT', address, { ...document, passkeys: [{ ...passkeys[0], id: other.id.toString('base64url') }] })
  checks.same((await browser.send('GET', '/_passkey')).json.passkeys, passkeys, 'the passkeys are as before')
  checks.same((await new Browser().signIn(other, { name: 'hidden' })).status, 401, 'a credential in a document lets nobody in')
  for (const name of ['_divan', '_system', '_passkey/x', '_passkeys', '_sessions']) {
    const reply = await server.call('PUT', `/${name}`, {})
    checks.that(reply.status >= 400, `${name} cannot be made a database: ${reply.status}`)
  }
})

await checks.run('PouchDB syncs with the cookie of a passkey', async () => {
  const browser = new Browser()
  const authenticator = new SoftwareAuthenticator('ES256', origin)
  await browser.register(authenticator, { name: 'syncer' })
  await server.json('PUT', '/records')
  await server.json('PUT', '/records/_security', { members: { names: ['syncer'], roles: [] }, admins: { names: [], roles: [] } })
  const device = new Browser()
  await device.signIn(authenticator, {})
  const fetch = (url, options) => {
    options.headers.set('cookie', device.cookie)
    return PouchDB.fetch(url, options)
  }
  const local = new PouchDB('records', { adapter: 'memory' })
  await local.put({ _id: 'note', text: 'by passkey' })
  const remote = new PouchDB(`http://127.0.0.1:${server.port}/records`, { fetch, skip_setup: true })
  await local.sync(remote)
  checks.same((await server.json('GET', '/records/note')).text, 'by passkey', 'what was written here is there')
  const stranger = await new Browser().send('GET', '/records/note')
  checks.same(stranger.status, 401, 'and is not for strangers')
})

await server.stop()
checks.finish()
