# `cmake --install`: programs, static libraries, their doors under include/moq/, and pkg-config files that work wherever the
# prefix is moved to. A program that uses them says `pkg-config --cflags --libs moq-native` and `#include "native/native.h"`.
#
# wolfSSL and ngtcp2 that were built here are installed too, in a folder of their own (lib/moq), so that nothing installed
# points into somebody's cache.

set(MOQ_DOORS transfork/transfork.h quic/quic.h native/native.h karp/karp.h)
file(GLOB base_headers RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/base/*.h)

# Adds a header and whatever of ours it includes to MOQ_HEADERS.
set(MOQ_HEADERS "")
function(moq_header header)
    if(header IN_LIST MOQ_HEADERS OR NOT EXISTS ${CMAKE_SOURCE_DIR}/${header})
        return()
    endif()
    list(APPEND MOQ_HEADERS ${header})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${header} lines REGEX "^#include \"")
    foreach(line ${lines})
        string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included ${line})
        moq_header(${included})
    endforeach()
    set(MOQ_HEADERS ${MOQ_HEADERS} PARENT_SCOPE)
endfunction()
foreach(header ${base_headers} ${MOQ_DOORS})
    moq_header(${header})
endforeach()
foreach(header ${MOQ_HEADERS})
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${CMAKE_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moq/${folder})
endforeach()

set(MOQ_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH MOQ_PC_PREFIX /${MOQ_PC_DIR} /)
string(REGEX REPLACE "/$" "" MOQ_PC_PREFIX ${MOQ_PC_PREFIX})

foreach(room base transfork quic native karp)
    if(TARGET moq_${room})
        install(TARGETS moq_${room} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    endif()
endforeach()

foreach(program moq-relay moq-clock moq-karp moq-bench)
    if(TARGET ${program})
        install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endforeach()

function(moq_pkgconfig name description requires libs)
    if(TARGET moq_${name})
        configure_file(${CMAKE_SOURCE_DIR}/cmake/moq.pc.in ${CMAKE_BINARY_DIR}/moq-${name}.pc @ONLY)
        install(FILES ${CMAKE_BINARY_DIR}/moq-${name}.pc DESTINATION ${MOQ_PC_DIR})
    endif()
endfunction()

if(MOQ_SYSTEM_DEPS)
    set(quic_requires " libngtcp2_crypto_wolfssl libngtcp2 wolfssl")
else()
    set(quic_libs " -L\${libdir}/moq -lngtcp2_crypto_wolfssl -lngtcp2 -lwolfssl -lm")
    foreach(library wolfssl ngtcp2 ngtcp2_crypto_wolfssl)
        install(FILES ${MOQ_DEPS_PREFIX}/lib/lib${library}.a DESTINATION ${CMAKE_INSTALL_LIBDIR}/moq)
    endforeach()
endif()
if(MOQ_HAS_IPSEC_MB)
    string(APPEND quic_libs " -lIPSec_MB")
endif()

moq_pkgconfig(transfork "Media over QUIC: protocol and model, without sockets" "" "-lmoq_transfork -lmoq_base -pthread")
moq_pkgconfig(karp "Media over QUIC: catalog, frames, fMP4 import and export" "jansson" "-lmoq_karp -lmoq_base -pthread")
moq_pkgconfig(native "Media over QUIC: from a URL to a connected session, on a libuv loop"
    "moq-transfork libuv libnghttp3${quic_requires}" "-lmoq_native -lmoq_quic -lmoq_transfork -lmoq_base${quic_libs} -pthread")
