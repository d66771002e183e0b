// A stand-in for libtorch_cuda.so at link time on a machine without a GPU. burn-tch refers to these two
// symbols when it is built for CUDA; with the stand-in in place one binary serves both kinds of machine: the
// dynamic linker takes the real library where there is one. Nothing here is reached on a CPU device.
#include <cstdlib>
namespace at { namespace cuda {
void *getCurrentCUDABlasHandle() { std::abort(); }
int warp_size() { return 32; }
} }
