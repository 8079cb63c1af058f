import type { PageHandler, PageSurroundings } from './pages.ts'

/**
 * The page for people, loaded when somebody asks for it first: a daemon that is only ever spoken to by programs pays
 * nothing for it, neither at its start nor in memory.
 */
export function lazyPages(surroundings: PageSurroundings): PageHandler {
  let loading: Promise<PageHandler> | null = null
  return (request, response, visitor) => {
    loading ??= import('./pages.ts').then(({ openPages }) => openPages(surroundings))
    void loading.then(pages => pages(request, response, visitor))
  }
}
