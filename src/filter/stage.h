// stage.h: what the two directions of a filter have in common.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <sluice/chain.h>
#include <sluice/filter.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

class filter::stage {
  public:
    stage() = default;
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;
    virtual ~stage() = default;

    // A step, after which errors are remembered.
    [[nodiscard]] result<filter_state> step();
    [[nodiscard]] result<chain> pull(std::uint64_t bytes_max);
    virtual void flush() {}
    [[nodiscard]] virtual std::uint32_t plain_crc32() const noexcept { return 0; }

    void append(chain&& input) { input_.append(std::move(input)); }
    void finish() noexcept { finishing_ = true; }
    [[nodiscard]] bool finishing() const noexcept { return finishing_; }
    [[nodiscard]] std::uint64_t ready_bytes() const noexcept { return ready_.size(); }
    [[nodiscard]] bool done() const noexcept { return failed_ || (complete_ && ready_.empty()); }
    [[nodiscard]] const filter_statistics& statistics() const noexcept { return statistics_; }

  protected:
    [[nodiscard]] virtual result<filter_state> work() = 0;
    // Whether a step only hands out work.
    [[nodiscard]] virtual bool in_background() const noexcept { return false; }
    // Waits until a step after `working` can come to more.
    virtual void wait() {}

    // Output that is ready, and the memory held for it, which counts until the last byte is pulled.
    void add_output(chain&& made, std::size_t capacity);
    void hold(std::size_t bytes) noexcept;
    void let_go(std::size_t bytes) noexcept { statistics_.memory_bytes -= bytes; }

    chain input_;
    bool finishing_ = false;
    bool complete_ = false;  // the last of the output has been added
    filter_statistics statistics_;
    chain ready_;

  private:
    [[nodiscard]] result<chain> take_ready(std::uint64_t count);

    struct held_output {
        std::uint64_t end;  // counted in bytes of output
        std::size_t capacity;
    };

    std::deque<held_output> held_;
    std::uint64_t pulled_bytes_ = 0;
    std::optional<error> failed_;
};

// `options` have been checked and completed.
[[nodiscard]] result<std::unique_ptr<filter::stage>> make_compressor(codec which,
                                                                     filter_options options);
[[nodiscard]] result<std::unique_ptr<filter::stage>> make_decompressor(codec which,
                                                                       filter_options options);

}  // namespace sluice::inline v0
