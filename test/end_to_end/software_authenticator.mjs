// An authenticator in software, and the part of a browser that talks to it: answers WebAuthn's options in
// their JSON forms. What it does wrong is set by its members.
import crypto from 'node:crypto'

export const base64url = bytes => Buffer.from(bytes).toString('base64url')
const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest()

const algorithms = {
  ES256: { alg: -7, generate: () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }), digest: 'sha256' },
  EdDSA: { alg: -8, generate: () => crypto.generateKeyPairSync('ed25519'), digest: null },
  RS256: { alg: -257, generate: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }), digest: 'sha256' }
}
export const algorithmNames = Object.keys(algorithms)

function head (major, size) {
  if (size < 24) return Buffer.from([major << 5 | size])
  if (size < 256) return Buffer.from([major << 5 | 24, size])
  return Buffer.from([major << 5 | 25, size >> 8, size & 255])
}

/** CBOR of integers, texts, bytes and maps (as arrays of pairs, in their order). */
function cbor (value) {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.length), ...value.flat().map(cbor)])
}

function coseKey (publicKey, alg) {
  const jwk = publicKey.export({ format: 'jwk' })
  const bytes = name => Buffer.from(jwk[name], 'base64url')
  if (alg === -257) return cbor([[1, 3], [3, alg], [-1, bytes('n')], [-2, bytes('e')]])
  if (alg === -8) return cbor([[1, 1], [3, alg], [-1, 6], [-2, bytes('x')]])
  return cbor([[1, 2], [3, alg], [-1, 1], [-2, bytes('x')], [-3, bytes('y')]])
}

export class SoftwareAuthenticator {
  constructor (algorithm, origin) {
    const { alg, generate, digest } = algorithms[algorithm]
    const { publicKey, privateKey } = generate()
    Object.assign(this, {
      algorithm, alg, digest, privateKey, origin, id: crypto.randomBytes(32), counter: 0,
      present: true, verified: true, cose: coseKey(publicKey, alg)
    })
  }

  data (rpId, credential) {
    const flags = (this.present ? 1 : 0) | (this.verified ? 4 : 0) | 8 | 16 | (credential ? 64 : 0)
    const fixed = Buffer.alloc(5)
    fixed.writeUInt8(flags, 0)
    fixed.writeUInt32BE(this.counter, 1)
    const size = Buffer.from([this.id.length >> 8, this.id.length & 255])
    const made = credential ? [Buffer.alloc(16), size, this.id, this.cose] : []
    return Buffer.concat([sha256(this.rpId ?? rpId), fixed, ...made])
  }

  clientData (type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }))
  }

  answer (response) {
    const id = base64url(this.id)
    return { id, rawId: id, type: 'public-key', response, clientExtensionResults: {}, authenticatorAttachment: 'platform' }
  }

  /** RegistrationResponseJSON to PublicKeyCredentialCreationOptionsJSON. */
  create (options) {
    if (!options.pubKeyCredParams.some(({ alg }) => alg === this.alg)) throw new Error(`${this.algorithm} is not asked for`)
    this.userHandle = options.user.id
    const object = cbor([['fmt', 'none'], ['attStmt', []], ['authData', this.data(options.rp.id, true)]])
    return this.answer({
      clientDataJSON: base64url(this.clientData('webauthn.create', options.challenge)),
      attestationObject: base64url(object),
      transports: ['internal', 'hybrid']
    })
  }

  /** AuthenticationResponseJSON to PublicKeyCredentialRequestOptionsJSON. */
  get (options) {
    const data = this.data(options.rpId, false)
    const clientData = this.clientData('webauthn.get', options.challenge)
    const signature = crypto.sign(this.digest, Buffer.concat([data, sha256(clientData)]), this.privateKey)
    if (this.forge) signature[signature.length - 1] ^= 1
    return this.answer({
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(data),
      signature: base64url(signature),
      userHandle: this.userHandle
    })
  }
}
