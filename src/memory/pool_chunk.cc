#include "memory/pool_chunk.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

#include "memory/pool_core.h"
#include "sys/mapping.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sluice::inline v0::detail {

namespace {

constexpr std::size_t huge_page_size = std::size_t{2} << 20;
constexpr std::size_t bits_in_word = 64;

constexpr std::size_t rounded_up(std::size_t size, std::size_t unit) noexcept {
    return (size + unit - 1) / unit * unit;
}

constexpr std::size_t words_for(std::size_t blocks) noexcept {
    return rounded_up(blocks, bits_in_word) / bits_in_word;
}

// Where the blocks' own bookkeeping begins, from the chunk on.
constexpr std::size_t blocks_offset(std::size_t blocks) noexcept {
    return rounded_up(sizeof(pool_chunk) + words_for(blocks) * sizeof(std::uint64_t), cache_line);
}

// Tells AddressSanitizer that a released block must not be touched, and that it may be again.
void forbid_use([[maybe_unused]] const std::byte* memory, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(memory, size);
#endif
}
void allow_use([[maybe_unused]] const std::byte* memory, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(memory, size);
#endif
}

}  // namespace

pool_block::pool_block(std::byte* memory, std::size_t capacity, pool_chunk& chunk, pool_core& core,
                       unsigned size_class) noexcept
    : block(storage_kind::pool, memory, capacity),
      chunk_(chunk),
      core_(core),
      size_class_(static_cast<std::uint8_t>(size_class)) {}

void pool_block::begin_use(bool thread_bound) noexcept {
    allow_use(memory(), capacity());
    if (thread_bound) bind_to_thread();
    if (leak_recording.load(std::memory_order_relaxed)) [[unlikely]]
        leak_track(*this);
}

result<block*> pool_block::another(std::size_t capacity) const noexcept {
    auto taken = core_.take(capacity);
    if (!taken) return failure(std::move(taken));
    return *taken;
}

void pool_block::release() noexcept {
    forbid_use(memory(), capacity());
    core_.put(*this);
}

std::size_t chunk_layout::bookkeeping() const noexcept {
    return rounded_up(block_count * block_size, cache_line);
}

std::size_t chunk_layout::needed_size() const noexcept {
    return bookkeeping() + blocks_offset(block_count) + block_count * sizeof(pool_block);
}

chunk_layout chunk_layout::of_blocks(unsigned size_class, std::size_t block_size,
                                     std::size_t block_count) noexcept {
    chunk_layout made{block_size, size_class, block_count, 0, sys::page_size()};
    made.mapped_size = rounded_up(made.needed_size(), sys::page_size());
    return made;
}

chunk_layout chunk_layout::of_huge_pages(unsigned size_class, std::size_t block_size) noexcept {
    // Of the larger blocks few would fit into one huge page beside the bookkeeping.
    auto size = block_size < huge_page_size / 16 ? huge_page_size : 4 * huge_page_size;
    chunk_layout made{block_size, size_class, size / block_size, size, huge_page_size};
    while (made.needed_size() > size)
        --made.block_count;
    return made;
}

pool_chunk::pool_chunk(writable_bytes mapping, const chunk_layout& layout, pool_core& core) noexcept
    : core_(core),
      mapping_(mapping),
      block_size_(layout.block_size),
      block_count_(layout.block_count),
      size_class_(layout.size_class) {
    auto* start = mapping.data() + layout.bookkeeping();
    auto* words = reinterpret_cast<std::uint64_t*>(start + sizeof(pool_chunk));
    free_ = {words, words_for(block_count_)};  // fresh memory is zero
    blocks_ = start + blocks_offset(block_count_);
}

pool_chunk* pool_chunk::place(writable_bytes mapping, const chunk_layout& layout,
                              pool_core& core) noexcept {
    return new (mapping.data() + layout.bookkeeping()) pool_chunk(mapping, layout, core);
}

writable_bytes pool_chunk::end() noexcept {
    allow_use(mapping_.data(), mapping_.size());  // somebody else may be given these addresses
    return mapping_;
}

pool_block* pool_chunk::block_at(std::size_t index) noexcept {
    return std::launder(reinterpret_cast<pool_block*>(blocks_ + index * sizeof(pool_block)));
}

pool_block* pool_chunk::make_block() noexcept {
    auto index = made_++;
    return new (blocks_ + index * sizeof(pool_block))
        pool_block(mapping_.data() + index * block_size_, block_size_, *this, core_, size_class_);
}

pool_block* pool_chunk::take() noexcept {
    if (is_exhausted()) return nullptr;
    ++used_;
    while (first_free_word_ < free_.size() && free_[first_free_word_] == 0)
        ++first_free_word_;
    if (first_free_word_ == free_.size()) return make_block();
    auto& word = free_[first_free_word_];
    auto bit = static_cast<std::size_t>(std::countr_zero(word));
    word &= word - 1;
    return block_at(first_free_word_ * bits_in_word + bit);
}

void pool_chunk::put(pool_block& back) noexcept {
    auto index = static_cast<std::size_t>(reinterpret_cast<std::byte*>(&back) - blocks_) /
                 sizeof(pool_block);
    auto word = index / bits_in_word;
    auto bit = std::uint64_t{1} << (index % bits_in_word);
    assert((free_[word] & bit) == 0);
    free_[word] |= bit;
    first_free_word_ = std::min(first_free_word_, word);
    --used_;
}

void chunk_list::push_front(pool_chunk& added) noexcept {
    added.previous = nullptr;
    added.next = front_;
    (front_ == nullptr ? back_ : front_->previous) = &added;
    front_ = &added;
}

void chunk_list::push_back(pool_chunk& added) noexcept {
    added.next = nullptr;
    added.previous = back_;
    (back_ == nullptr ? front_ : back_->next) = &added;
    back_ = &added;
}

void chunk_list::remove(pool_chunk& gone) noexcept {
    (gone.previous == nullptr ? front_ : gone.previous->next) = gone.next;
    (gone.next == nullptr ? back_ : gone.next->previous) = gone.previous;
    gone.next = gone.previous = nullptr;
}

}  // namespace sluice::inline v0::detail
