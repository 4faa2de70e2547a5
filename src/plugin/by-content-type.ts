import { rawBody } from './parsed-body.ts'
import { base64, isForm, isJson, multipart, type ProbeSource, raw } from './sources.ts'

/** A form's file, JSON's base64 text, or the bare body, as the content type says. */
export function byContentType(field: string): ProbeSource {
  const sources = { form: multipart(field), json: base64(field), raw: raw() }
  return (req, context) => {
    if (isForm(req)) return sources.form(req, context)
    const parsed = typeof req.body === 'object' && req.body !== null && !rawBody(req)
    return isJson(req) || (parsed && req.readableEnded) ? sources.json(req, context) : sources.raw(req, context)
  }
}
