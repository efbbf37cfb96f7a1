# `cmake --install`: programs, static libraries, their doors under include/moq/, and pkg-config files that work wherever the
# prefix is moved to. A program that uses them says `pkg-config --cflags --libs moq-native` and `#include "native/native.h"`.
#
# wolfSSL and ngtcp2 that were built here are installed too, in a folder of their own (lib/moq), so that nothing installed
# points into somebody's cache.

set(MOQ_DOORS_transfork transfork.h transport.h session.h)
set(MOQ_DOORS_quic quic.h)
set(MOQ_DOORS_native native.h)
set(MOQ_DOORS_karp karp.h)
file(GLOB MOQ_DOORS_base RELATIVE ${CMAKE_SOURCE_DIR}/base ${CMAKE_SOURCE_DIR}/base/*.h)

set(MOQ_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH MOQ_PC_PREFIX /${MOQ_PC_DIR} /)
string(REGEX REPLACE "/$" "" MOQ_PC_PREFIX ${MOQ_PC_PREFIX})

foreach(room base transfork quic native karp)
    if(TARGET moq_${room})
        install(TARGETS moq_${room} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
        list(TRANSFORM MOQ_DOORS_${room} PREPEND ${CMAKE_SOURCE_DIR}/${room}/)
        install(FILES ${MOQ_DOORS_${room}} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moq/${room})
    endif()
endforeach()

foreach(program moq-relay moq-clock moq-karp)
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

moq_pkgconfig(transfork "Media over QUIC: protocol and model, without sockets" "" "-lmoq_transfork -lmoq_base -pthread")
moq_pkgconfig(karp "Media over QUIC: catalog, frames, fMP4 import and export" "jansson" "-lmoq_karp -lmoq_base -pthread")
moq_pkgconfig(native "Media over QUIC: from a URL to a connected session, on a libuv loop"
    "moq-transfork libuv libnghttp3${quic_requires}" "-lmoq_native -lmoq_quic -lmoq_transfork -lmoq_base${quic_libs} -pthread")
