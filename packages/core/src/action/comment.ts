import type { GitHub } from './github.ts'

/** Longer comments GitHub refuses. */
const LONGEST = 65_536
const TRUSTED = ['OWNER', 'MEMBER', 'COLLABORATOR']

/**
 * Puts a text under a pull request: as a comment of its own at first, in the same one afterwards. It is
 * found again by `subject`, which stands in it unseen. A stranger's comment is never taken for it.
 */
export async function keepComment(
  github: GitHub,
  pull: number,
  subject: string,
  text: string
): Promise<void> {
  const { rest, paginate, repository } = github
  const marker = `<!-- diveops ${encodeURIComponent(subject)} -->`
  const body = `${marker}\n${text}`.slice(0, LONGEST)
  await github.attempt('comment on the pull request', 'pull-requests: write', async () => {
    const where = { ...repository, issue_number: pull }
    const pages = await paginate(rest.issues.listComments, { ...where, per_page: 100 })
    const ours = pages.find(
      ({ body = '', user, author_association: author }) =>
        body.startsWith(`${marker}\n`) && (user?.type === 'Bot' || TRUSTED.includes(author ?? ''))
    )
    if (ours === undefined) await rest.issues.createComment({ ...where, body })
    else if (ours.body !== body) {
      await rest.issues.updateComment({ ...repository, comment_id: ours.id, body })
    }
  })
}
