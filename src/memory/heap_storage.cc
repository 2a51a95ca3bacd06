#include "memory/heap_storage.h"

#include <cerrno>
#include <limits>
#include <new>
#include <string>

namespace sluice::inline v0 {

heap_storage::heap_storage(std::size_t capacity) noexcept
    : block(storage_kind::heap, reinterpret_cast<std::byte*>(this + 1), capacity) {}

heap_storage* heap_storage::try_make(std::size_t capacity) noexcept {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() - sizeof(heap_storage))
        return nullptr;
    void* memory = ::operator new(sizeof(heap_storage) + capacity, std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* made = new (memory) heap_storage(capacity);
    if (detail::leak_recording.load(std::memory_order_relaxed)) [[unlikely]]
        detail::leak_track(*made);
    return made;
}

heap_storage* heap_storage::make(std::size_t capacity) {
    auto* made = try_make(capacity);
    if (made == nullptr) throw std::bad_alloc();
    return made;
}

result<detail::block*> heap_storage::make_or_error(std::size_t capacity) noexcept {
    auto* made = try_make(capacity);
    if (made == nullptr) return out_of_memory("heap");
    return made;
}

void heap_storage::release() noexcept {
    this->~heap_storage();
    ::operator delete(this);
}

std::unexpected<error> out_of_memory(std::string_view origin) noexcept {
    try {
        return failure(ENOMEM, "allocate", std::string(origin));
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM, "allocate");
    }
}

}  // namespace sluice::inline v0
