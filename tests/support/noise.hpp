// Text that cannot be compressed by much, and is the same for the same seed.
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace lakeferry::test {

class noise {
public:
    explicit noise(unsigned seed) : rng_(seed) {}

    // Printable; another text each time.
    std::string operator()(std::size_t bytes)
    {
        std::string out;
        while (out.size() < bytes) out += static_cast<char>('!' + rng_() % 90);
        return out;
    }

private:
    std::mt19937 rng_;
};

}  // namespace lakeferry::test
