#pragma once

#include <stdexcept>
#include <string>

namespace divan::import {

/// Bytes of a database file that are not what CouchDB writes: torn, overwritten, or made to harm.
/// The reader that meets it gives up that piece, says so, and goes on with the next.
class Damage : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace divan::import
