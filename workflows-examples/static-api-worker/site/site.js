const form = document.querySelector('#form')
const result = document.querySelector('#result')

form.addEventListener('submit', async event => {
  event.preventDefault()
  const depth = Number(new FormData(form).get('depth'))
  let plan = await ask('/api/plans', { method: 'POST', body: JSON.stringify({ depth }) })
  while (plan.minutes === null) {
    await new Promise(resolve => setTimeout(resolve, 300))
    plan = await ask(`/api/plans/${plan.id}`)
  }
  result.textContent = plan.error ?? `${plan.minutes} minutes without stops`
})

async function ask(path, options) {
  return (await fetch(path, options)).json()
}
