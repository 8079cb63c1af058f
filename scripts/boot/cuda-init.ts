/**
 * Does the CUDA driver library that the loader finds first start on this machine's GPU? In a process of its own: the loader
 * reads LD_LIBRARY_PATH once, and a driver that does not fit may crash.
 */
export async function tryCudaInit(say: (line: string) => void): Promise<number> {
  const { default: koffi } = await import('koffi')
  try {
    const status: number = koffi.load('libcuda.so.1').func('int cuInit(unsigned int)')(0)
    if (status !== 0) say(`cuInit: error ${status}`)
    return status === 0 ? 0 : 1
  } catch (error) {
    say(`libcuda.so.1: ${(error as Error).message}`)
    return 1
  }
}
