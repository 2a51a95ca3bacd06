#include <sluice/mapped_region.h>

#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

class mapping_storage final : public storage {
  public:
    explicit mapping_storage(bytes_view mapping) noexcept : mapping_(mapping) {}

  private:
    void release() noexcept override {
        sys::unmap(mapping_);
        delete this;
    }
    bytes_view mapping_;
};

}  // namespace

result<buffer_slice> map_for_reading(const file_region& region) {
    if (region.size() == 0) return buffer_slice();
    auto into_page = region.position() % sys::page_size();
    auto mapped = sys::map_for_reading(region.fd(), region.position() - into_page,
                                       static_cast<std::size_t>(region.size() + into_page));
    if (!mapped) return std::unexpected(std::move(mapped).error().on(region.source().name()));
    return buffer_slice::adopt(mapped->subspan(into_page), new mapping_storage(*mapped));
}

}  // namespace sluice::inline v0
