// WebAuthn's ceremonies between its JSON forms (WebAuthn Level 3, 5.1.8 and 5.1.9) and the browser.
// By hand: not every browser, and not every password manager in its place, has the conversions.

/** Whether there are passkeys here: only on https and on localhost. */
export const available = window.isSecureContext && Boolean(window.PublicKeyCredential && navigator.credentials)

/** Whether the browser offers passkeys in a name's list of suggestions. */
export async function canSuggest () {
  return available && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.())
}

/** PublicKeyCredentialCreationOptionsJSON to RegistrationResponseJSON. */
export async function create (options) {
  const credential = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: (options.excludeCredentials ?? []).map(descriptor)
    }
  })
  const { response } = credential
  return {
    ...common(credential),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      attestationObject: toText(response.attestationObject),
      transports: response.getTransports?.() ?? []
    }
  }
}

/** PublicKeyCredentialRequestOptionsJSON to AuthenticationResponseJSON. */
export async function get (options, { mediation, signal } = {}) {
  const credential = await navigator.credentials.get({
    mediation,
    signal,
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: (options.allowCredentials ?? []).map(descriptor)
    }
  })
  const { response } = credential
  return {
    ...common(credential),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(response.authenticatorData),
      signature: toText(response.signature),
      ...(response.userHandle ? { userHandle: toText(response.userHandle) } : {})
    }
  }
}

const descriptor = listed => ({ ...listed, id: toBytes(listed.id) })

function common (credential) {
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    ...(credential.authenticatorAttachment ? { authenticatorAttachment: credential.authenticatorAttachment } : {})
  }
}

// base64url without padding.
function toBytes (text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), letter => letter.charCodeAt(0))
}

function toText (buffer) {
  const letters = Array.from(new Uint8Array(buffer), byte => String.fromCharCode(byte)).join('')
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
