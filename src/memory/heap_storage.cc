#include "memory/heap_storage.h"

#include <new>

namespace sluice::inline v0 {

heap_storage* heap_storage::make(std::size_t capacity) {
    void* memory = ::operator new(sizeof(heap_storage) + capacity);
    return new (memory) heap_storage(capacity);
}

void heap_storage::release() noexcept {
    this->~heap_storage();
    ::operator delete(this);
}

}  // namespace sluice::inline v0
