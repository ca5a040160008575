// Debian's Chromium, without a window, for the tests of pages: authenticators in software, and every
// error that a page reports counts as a failure.
import { execFileSync } from 'node:child_process'
import { chromium } from 'playwright-core'
import { sleep } from './support.mjs'

/** The browser's program: $CHROMIUM, or the one that Debian installs. */
function program () {
  return process.env.CHROMIUM ?? execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
}

export class Browser {
  constructor (checks, browser) {
    Object.assign(this, { checks, browser })
  }

  static async start (checks) {
    // Chromium's own sandbox cannot be used by root.
    const args = process.getuid() === 0 ? ['--no-sandbox'] : []
    return new Browser(checks, await chromium.launch({ executablePath: program(), args, timeout: 180000 }))
  }

  stop () { return this.browser.close() }

  /**
   * A person's browser: cookies of its own and an authenticator, that holds passkeys, in its page.
   * With `suggestions` it offers these at fields for names; as nobody chooses from a list in Chromium's
   * simulation, whoever confirms then takes what is offered at once.
   */
  async person ({ suggestions = false, ...options } = {}) {
    const context = await this.browser.newContext(options)
    if (!suggestions) {
      await context.addInitScript(() => {
        if (window.PublicKeyCredential) window.PublicKeyCredential.isConditionalMediationAvailable = async () => false
      })
    }
    context.setDefaultTimeout(120000)
    const page = await context.newPage()
    const person = new Person(this.checks, context, page)
    await person.plugIn()
    return person
  }
}

class Person {
  constructor (checks, context, page) {
    Object.assign(this, { checks, context, page, refusals: [] })
    page.on('pageerror', error => checks.that(false, `an error in the page: ${error.stack}`))
    page.on('console', message => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      // Refused requests are reported as errors, too: those that a test provokes it names itself.
      const status = /the server responded with a status of (\d+)/.exec(message.text())?.[1]
      if (status) return this.refusals.push(Number(status))
      checks.that(false, `the page's console: ${message.text()}`)
    })
  }

  async plugIn () {
    this.cdp = await this.context.newCDPSession(this.page)
    await this.cdp.send('WebAuthn.enable')
    const { authenticatorId } = await this.cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
        isUserVerified: true, automaticPresenceSimulation: true
      }
    })
    this.authenticatorId = authenticatorId
  }

  /** Takes the authenticator away, with its passkeys. */
  unplug () {
    return this.cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: this.authenticatorId })
  }

  /** Whether there is somebody who confirms with the authenticator. Without, it waits. */
  confirm (enabled) {
    return this.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.authenticatorId, enabled })
  }

  /** The passkeys in the authenticator. */
  async passkeys () {
    const { credentials } = await this.cdp.send('WebAuthn.getCredentials', { authenticatorId: this.authenticatorId })
    return credentials
  }

  /** Checks that just these statuses of refused requests came since the last call. They may be told late. */
  async refused (statuses, what) {
    const deadline = Date.now() + 60000
    while (this.refusals.length < statuses.length && Date.now() < deadline) await sleep(25)
    this.checks.same(this.refusals.splice(0), statuses, `${what}: refused requests`)
  }

  async close (what = 'at the end') {
    await this.refused([], what)
    await this.context.close()
  }
}
