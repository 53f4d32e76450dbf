import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'

/** A request as it came over the wire. */
export interface Asked {
  method: string
  /** Path and query. */
  url: string
  headers: Record<string, string | string[] | undefined>
  body: string
}

interface Parameter {
  $ref?: string
  name: string
  in: 'path' | 'query'
  required?: boolean
  schema: object
}

interface Content {
  content?: { 'application/json'?: { schema: { properties?: object } } }
}

interface Operation {
  parameters: Parameter[]
  requestBody?: Content
  responses: Record<string, Content>
}

const api = JSON.parse(readFileSync(path.join(import.meta.dirname, 'api.json'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
  components: { parameters: Record<string, Parameter> }
}
// Parts of the description refer to one another; so the whole is one schema with many inside.
const ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: false })
ajv.addSchema(api, 'api.json')

/** Which operation of GitHub's description a request is: its template, and the values in its path. */
export function operationOf({ method, url }: Pick<Asked, 'method' | 'url'>) {
  const place = new URL(url, 'http://api').pathname
  for (const [template, methods] of Object.entries(api.paths)) {
    const names = [...template.matchAll(/\{(\w+)\}/g)].map(match => match[1] as string)
    const pattern = new RegExp(`^${template.replace(/\{\w+\}/g, '([^/]+)')}$`)
    const values = pattern.exec(place)?.slice(1)
    const operation = methods[method.toLowerCase()]
    if (values === undefined || operation === undefined) continue
    const given = Object.fromEntries(names.map((name, index) => [name, values[index] as string]))
    return { name: `${method} ${template}`, operation, given }
  }
  return undefined
}

/** What is wrong with a request by GitHub's own description; empty when nothing is. */
export function requestProblems(asked: Asked): string[] {
  const found = operationOf(asked)
  if (!found) return [`${asked.method} ${asked.url} is not one of the operations we know`]
  const { operation, given, name } = found
  const query = Object.fromEntries(new URL(asked.url, 'http://api').searchParams)
  return [
    ...parameterProblems(operation, 'path', given),
    ...parameterProblems(operation, 'query', query),
    ...bodyProblems(asked, operation),
    ...headerProblems(asked)
  ].map(problem => `${name}: ${problem}`)
}

/** What is wrong with an answer that claims to be GitHub's. */
export function answerProblems(asked: Asked, status: number, body: unknown): string[] {
  const found = operationOf(asked)
  const answer = found?.operation.responses[status]
  const schema = answer?.content?.['application/json']?.schema
  if (!found || !answer) return [`${asked.method} ${asked.url} has no answer with status ${status}`]
  return schema ? problems(schema, body).map(one => `${found.name}, answer: ${one}`) : []
}

function parameterProblems(
  { parameters }: Operation,
  where: Parameter['in'],
  given: Record<string, string>
): string[] {
  const known = parameters.map(resolve).filter(one => one.in === where)
  const unknown = Object.keys(given).filter(name => !known.some(one => one.name === name))
  return [
    ...unknown.map(name => `there is no parameter '${name}' in the ${where}`),
    ...known.flatMap(({ name, required, schema }) => {
      const text = given[name]
      if (text === undefined) return required ? [`parameter '${name}' is missing`] : []
      const { type } = schema as { type?: string }
      const value = type === 'integer' ? Number(text) : decodeURIComponent(text)
      return problems(schema, value).map(one => `parameter '${name}' ${one}`)
    })
  ]
}

function resolve(parameter: Parameter): Parameter {
  const name = parameter.$ref?.split('/').at(-1)
  return name === undefined ? parameter : (api.components.parameters[name] as Parameter)
}

function bodyProblems({ body, headers }: Asked, { requestBody }: Operation): string[] {
  const schema = requestBody?.content?.['application/json']?.schema
  if (schema === undefined) return body === '' ? [] : ['it takes no body']
  if (!String(headers['content-type']).startsWith('application/json')) {
    return [`the body's type is ${headers['content-type']}`]
  }
  const value = JSON.parse(body) as object
  const unknown = Object.keys(value).filter(key => !(key in (schema.properties ?? {})))
  return [
    ...unknown.map(key => `the body has '${key}', which GitHub does not know`),
    ...problems(schema, value)
  ]
}

function headerProblems({ headers }: Asked): string[] {
  return [
    ...(/^(token|bearer) \S+$/i.test(String(headers.authorization)) ? [] : ['it has no token']),
    ...(/\bapplication\/(vnd\.github[.\w+-]*|json)\b/.test(String(headers.accept))
      ? []
      : ['accept']),
    ...(headers['user-agent'] ? [] : ['it has no user agent, which GitHub refuses'])
  ]
}

function problems(schema: object, value: unknown): string[] {
  // References inside point into the whole description.
  const text = JSON.stringify(schema).replaceAll('"#/', '"api.json#/')
  const check = ajv.compile(JSON.parse(text))
  if (check(value)) return []
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}
