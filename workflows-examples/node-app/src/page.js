/** The one page of the site. */
export function page(sightings, release) {
  const rows = sightings.map(
    ({ species, depth }) => `<li>${escape(species)} at ${depth} m</li>`
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sightings</title>
<h1>Seen on the reef</h1>
<ul>${rows.join('') || '<li>nothing yet</li>'}</ul>
<footer>release ${escape(release)}</footer>
</html>
`
}

function escape(text) {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
