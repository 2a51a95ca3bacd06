#include "support/failing_allocation.h"

#include <cstdlib>
#include <new>

namespace sluice::support {

namespace {

enum class fuse : unsigned char { none, burning, blown };

constinit thread_local fuse state = fuse::none;
constinit thread_local std::size_t remaining = 0;
constinit thread_local std::size_t made = 0;

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (state == fuse::burning && remaining-- == 0) {
        state = fuse::blown;
        return nullptr;
    }
    // More than any machine has; sanitizers end the program over it rather than give null.
    if (size > std::size_t{1} << 46) return nullptr;
    ++made;
    if (size == 0) size = 1;
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return std::malloc(size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    void* memory = allocate(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

failing_allocation::failing_allocation(std::size_t at) noexcept {
    remaining = at;
    state = fuse::burning;
}

failing_allocation::~failing_allocation() {
    state = fuse::none;
}

bool failing_allocation::has_failed() const noexcept {
    return state == fuse::blown;
}

std::size_t allocations_by_thread() noexcept {
    return made;
}

}  // namespace sluice::support

// The array forms and those with a size end in these.

void* operator new(std::size_t size) {
    return sluice::support::allocate_or_throw(size, 0);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return sluice::support::allocate(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return sluice::support::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return sluice::support::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
